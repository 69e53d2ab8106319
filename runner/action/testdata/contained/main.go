// Command contained is what the test of real container engines runs in a container:
// it does what its first argument says.
package main

import (
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	if err := do(os.Args[1:]); err != nil {
		fmt.Println(err)
		os.Exit(9)
	}
}

func do(args []string) error {
	switch args[0] {
	case "tell": // prints what it was given, and leaves an output and a file
		if _, err := io.Copy(os.Stdout, os.Stdin); err != nil {
			return err
		}
		fmt.Printf("%s uid %d\n", os.Getenv("GREETING"), os.Getuid())
		for _, arg := range args[1:] {
			fmt.Println(arg)
		}
		if err := appendTo(os.Getenv("MINIAIRFLOW_OUTPUT"), "rows=42\n"); err != nil {
			return err
		}
		return appendTo(os.Getenv("MINIAIRFLOW_RUN_DIR")+"/left", "from inside")
	case "wait": // for a signal, of which it says that it came
		signals := make(chan os.Signal, 1)
		signal.Notify(signals, syscall.SIGTERM)
		fmt.Println("waiting")
		fmt.Println(<-signals)
		return nil
	case "hang": // whatever it is told
		signal.Ignore(syscall.SIGTERM)
		fmt.Println("waiting")
		select {}
	}
	return fmt.Errorf("%s means nothing to it", args[0])
}

func appendTo(path, text string) error {
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	if _, err := f.WriteString(text); err != nil {
		return err
	}
	return f.Close()
}
