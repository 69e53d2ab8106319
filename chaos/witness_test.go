package chaos

import (
	"bufio"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
)

// taskKey names a task of a run.
type taskKey struct {
	run, task string
}

// execution is what the witness knows of one attempt.
type execution struct {
	starts, ends int
	first, last  int // lines of the file; 0: none
	signs        int // lines, whatever they say
}

// witness is what really happened, in its order.
type witness struct {
	attempts map[taskKey]map[int]*execution
	lines    int
}

// readWitness reads a witness file. Every line must be whole: the file is
// written in pieces that the system appends at once.
func readWitness(r io.Reader) (*witness, error) {
	w := &witness{attempts: map[taskKey]map[int]*execution{}}
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		w.lines++
		words := strings.Fields(lines.Text())
		if len(words) != 4 {
			return nil, fmt.Errorf("line %d of the witness is %q", w.lines, lines.Text())
		}
		attempt, err := strconv.Atoi(words[2])
		if err != nil {
			return nil, fmt.Errorf("line %d of the witness: %w", w.lines, err)
		}
		w.note(taskKey{words[0], words[1]}, attempt, words[3])
	}
	return w, lines.Err()
}

func (w *witness) note(key taskKey, attempt int, what string) {
	if w.attempts[key] == nil {
		w.attempts[key] = map[int]*execution{}
	}
	e := w.attempts[key][attempt]
	if e == nil {
		e = &execution{first: w.lines}
		w.attempts[key][attempt] = e
	}
	e.last = w.lines
	e.signs++
	switch what {
	case "start":
		e.starts++
	case "end":
		e.ends++
	}
}

// overlaps names every task of which an attempt still lived when a later one had
// begun.
func (w *witness) overlaps() (wrong []string) {
	for key, attempts := range w.attempts {
		numbers := make([]int, 0, len(attempts))
		for number := range attempts {
			numbers = append(numbers, number)
		}
		slices.Sort(numbers)
		for i, number := range numbers[1:] {
			before := attempts[numbers[i]]
			if before.last > attempts[number].first {
				wrong = append(wrong, fmt.Sprintf("task %s of run %s: attempt %d lived on line %d, when attempt %d had begun on line %d",
					key.task, key.run, numbers[i], before.last, number, attempts[number].first))
			}
		}
	}
	return wrong
}

// crowded reports the most attempts of tasks whose names begin so that were
// alive at the same time.
func (w *witness) crowded(prefix string) (most int) {
	change := map[int]int{}
	for key, attempts := range w.attempts {
		if !strings.HasPrefix(key.task, prefix) {
			continue
		}
		for _, e := range attempts {
			change[e.first]++
			change[e.last+1]--
		}
	}
	alive := 0
	for line := 1; line <= w.lines+1; line++ {
		alive += change[line]
		most = max(most, alive)
	}
	return most
}
