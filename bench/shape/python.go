package shape

import (
	"encoding/json"
	"fmt"
	"io"
)

// WriteAirflow writes the graph as a file for Airflow 2 or 3, with slots tasks at
// a time. A shell of its own runs each command, as in a workflow.
func (g *Graph) WriteAirflow(w io.Writer, script string, slots int) error {
	const text = `from datetime import datetime

from airflow import DAG

try:
    from airflow.providers.standard.operators.bash import BashOperator
except ImportError:
    from airflow.operators.bash import BashOperator

PARENTS = %s

with DAG(%q, schedule=None, start_date=datetime(2026, 1, 1), catchup=False, max_active_tasks=%d):
    tasks = [BashOperator(task_id=f"t{i}", bash_command=%q) for i in range(len(PARENTS))]
    for i, parents in enumerate(PARENTS):
        for parent in parents:
            tasks[parent] >> tasks[i]
`
	_, err := fmt.Fprintf(w, text, g.parentLists(), g.Name, slots, script)
	return err
}

// WritePrefect writes the graph as a program that runs it with Prefect 3, with
// slots tasks at a time.
func (g *Graph) WritePrefect(w io.Writer, script string, slots int) error {
	const text = `import subprocess

from prefect import flow, task
from prefect.task_runners import ThreadPoolTaskRunner

PARENTS = %s


@task
def command():
    subprocess.run(["sh", "-e", "-c", %q], check=True)


@flow(task_runner=ThreadPoolTaskRunner(max_workers=%d))
def graph():
    futures = []
    for parents in PARENTS:
        futures.append(command.submit(wait_for=[futures[parent] for parent in parents]))
    for future in futures:
        future.result()


graph()
`
	_, err := fmt.Fprintf(w, text, g.parentLists(), script, slots)
	return err
}

// parentLists returns the parents of each task as a list that Python reads.
func (g *Graph) parentLists() []byte {
	lists := make([][]int, g.Len())
	for i, parents := range g.Parents {
		lists[i] = append([]int{}, parents...) // a nil one would be no list
	}
	text, err := json.Marshal(lists)
	if err != nil {
		panic(fmt.Sprintf("encode numbers: %v", err)) // cannot happen
	}
	return text
}
