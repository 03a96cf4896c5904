import { type ComponentProps, lazy } from "react";
import { WhenOpen } from "./later.tsx";

const load = () => import("./confirm-window.tsx");
const ConfirmWindow = lazy(async () => ({ default: (await load()).ConfirmWindow }));

export const Confirm = (props: ComponentProps<typeof ConfirmWindow>) => (
  <WhenOpen open={props.open} load={load}>
    <ConfirmWindow {...props} />
  </WhenOpen>
);
