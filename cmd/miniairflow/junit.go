package main

import (
	"encoding/xml"
	"fmt"
	"os"
	"strings"
)

// The elements of a JUnit report, as CI systems read it.
type (
	junitReport struct {
		XMLName xml.Name     `xml:"testsuites"`
		Suites  []junitSuite `xml:"testsuite"`
	}
	junitSuite struct {
		Name     string      `xml:"name,attr"`
		Tests    int         `xml:"tests,attr"`
		Failures int         `xml:"failures,attr"`
		Errors   int         `xml:"errors,attr"`
		Time     string      `xml:"time,attr"` // in seconds
		Cases    []junitCase `xml:"testcase"`
	}
	junitCase struct {
		Name    string        `xml:"name,attr"`
		Class   string        `xml:"classname,attr"`
		Time    string        `xml:"time,attr"`
		Failure *junitFailure `xml:"failure"`
		Error   *junitFailure `xml:"error"`
	}
	junitFailure struct {
		Message string `xml:"message,attr"`
		Text    string `xml:",chardata"`
	}
)

// writeJUnit writes the results as a JUnit report.
func writeJUnit(name string, suites []caseSuite) error {
	var report junitReport
	for _, suite := range suites {
		out := junitSuite{Name: suite.file, Tests: len(suite.results)}
		total := 0.0
		for _, r := range suite.results {
			one := junitCase{Name: r.name, Class: r.workflow, Time: fmt.Sprintf("%.3f", r.took.Seconds())}
			total += r.took.Seconds()
			if len(r.failures) > 0 {
				out.Failures++
				one.Failure = &junitFailure{Message: r.failures[0], Text: strings.Join(r.failures, "\n")}
			}
			out.Cases = append(out.Cases, one)
		}
		if suite.err != nil { // many readers only look at cases
			text := errorText(suite.err)
			first, _, _ := strings.Cut(text, "\n")
			out.Tests, out.Errors = out.Tests+1, 1
			out.Cases = append(out.Cases, junitCase{Name: "the file", Class: suite.file, Time: "0.000", Error: &junitFailure{Message: first, Text: text}})
		}
		out.Time = fmt.Sprintf("%.3f", total)
		report.Suites = append(report.Suites, out)
	}
	text, err := xml.MarshalIndent(report, "", "  ")
	if err != nil {
		return fmt.Errorf("write JUnit report: %w", err)
	}
	if err := os.WriteFile(name, append([]byte(xml.Header), append(text, '\n')...), 0o644); err != nil {
		return fmt.Errorf("write JUnit report: %w", err)
	}
	return nil
}
