interface Named {
  readonly name: string;
  readonly isSet: boolean;
}

/** missingCommands returns the commands that set what a workflow names and nobody has set. */
export function missingCommands(workflow: { vars: readonly Named[]; secrets: readonly Named[] }): string[] {
  const missing = (values: readonly Named[]) => values.filter((value) => !value.isSet);
  return [
    ...missing(workflow.vars).map(({ name }) => `miniairflow vars set ${name} VALUE`),
    ...missing(workflow.secrets).map(({ name }) => `miniairflow secrets set ${name}`),
  ];
}
