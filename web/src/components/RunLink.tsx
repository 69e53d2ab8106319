import { Link } from "@tanstack/react-router";

interface RunLinkProps {
  run: { number: number; label: string; workflow: { name: string } };
}

/** RunLink leads to the page of a run. */
export function RunLink({ run }: RunLinkProps) {
  return (
    <Link
      to="/workflows/$name/runs/$number"
      params={{ name: run.workflow.name, number: String(run.number) }}
      className="number"
    >
      {run.label}
    </Link>
  );
}
