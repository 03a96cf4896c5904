import { type ComponentProps, lazy } from "react";
import { WhenOpen } from "./later.tsx";

const load = () => import("./dialog-window.tsx");
const DialogWindow = lazy(async () => ({ default: (await load()).DialogWindow }));

export const Dialog = (props: ComponentProps<typeof DialogWindow>) => (
  <WhenOpen open={props.open} load={load}>
    <DialogWindow {...props} />
  </WhenOpen>
);
