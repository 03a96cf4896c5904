import { Checkbox } from "@base-ui/react/checkbox";
import { useQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { Check } from "lucide-react";
import { list, useNames } from "../api/queries.ts";
import type { Task } from "../api/types.ts";
import { useWrite } from "../api/write.ts";
import { usePageTitle } from "../shell/page-title.ts";
import { SignedIn, useSignIn } from "../shell/sign-in.tsx";
import { Badge, MadeUp } from "../ui/badge.tsx";
import { Field, Select } from "../ui/field.tsx";
import { capitalize, day } from "../ui/format.ts";
import { ListCard } from "../ui/list-card.tsx";
import { PageHead } from "../ui/page-head.tsx";
import { StatusFilter } from "../ui/status-filter.tsx";
import { HEADS } from "./heads.ts";

const route = getRouteApi("/tasks");
const STATUSES = ["open", "doing", "done"] as const;

export function TasksPage() {
  usePageTitle(HEADS.tasks.title);
  const { page = 1, status, assignee } = route.useSearch();
  const navigate = route.useNavigate();
  const users = useQuery(list("users", { limit: 100 })).data?.data.items ?? [];
  const tasks = useQuery(list("tasks", { page, limit: 20, status, assignee }));
  const set = (change: object) =>
    void navigate({ search: (before) => ({ ...before, page: undefined, ...change }), replace: true });
  return (
    <>
      <PageHead {...HEADS.tasks} answer={tasks.data}>
        <SignedIn to="mark tasks done">{null}</SignedIn>
      </PageHead>
      <search className="filters">
        <StatusFilter statuses={STATUSES} value={status} onChange={(one) => set({ status: one })} />
        <Field label="Assignee">
          <Select
            value={assignee ?? ""}
            onChange={(event) => set({ assignee: event.target.value || undefined })}
            options={[["", "Everybody"], ...users.map(({ id, name }) => [id, name] as const)]}
          />
        </Field>
      </search>
      <ListCard
        query={tasks}
        of="tasks"
        empty={{ title: "No tasks", text: "Nothing matches these filters." }}
        onPage={(next) => void navigate({ search: (before) => ({ ...before, page: next }) })}
      >
        {(rows, isOld) => (
          <ul className={`task-list ${isOld ? "old" : ""}`}>
            {rows.map((task) => (
              <TaskRow key={task.id} task={task} />
            ))}
          </ul>
        )}
      </ListCard>
    </>
  );
}

function TaskRow({ task }: { task: Task }) {
  const { user } = useSignIn();
  const names = useNames();
  const write = useWrite("tasks");
  const become = (status: Task["status"]) =>
    write.mutate({ method: "PATCH", id: task.id, body: { status }, done: `Task is ${status}` });
  // What was asked for is shown at once; the answer, or the refusal, follows.
  const asked = write.isPending ? (write.variables.body as { status: Task["status"] }).status : task.status;
  return (
    <li data-status={asked}>
      <Checkbox.Root
        className="checkbox"
        checked={asked === "done"}
        disabled={!user}
        onCheckedChange={(isDone) => become(isDone ? "done" : "open")}
        aria-label={`Done: ${task.title}, ${names.user(task.assigneeId)}`}
      >
        <Checkbox.Indicator className="checkbox-mark">
          <Check size={14} strokeWidth={3} aria-hidden />
        </Checkbox.Indicator>
      </Checkbox.Root>
      <div className="task-text">
        <span className="task-title">{task.title}</span>
        <span className="muted">
          {names.user(task.assigneeId)} · due {day(task.dueOn)} · {task.projectId}{" "}
          {task.generated && <MadeUp />}
        </span>
      </div>
      {user ? (
        <select
          className="input compact"
          aria-label={`Status of ${task.title}`}
          value={asked}
          onChange={(event) => become(event.target.value as Task["status"])}
        >
          {STATUSES.map((status) => (
            <option key={status} value={status}>
              {capitalize(status)}
            </option>
          ))}
        </select>
      ) : (
        <Badge>{asked}</Badge>
      )}
    </li>
  );
}
