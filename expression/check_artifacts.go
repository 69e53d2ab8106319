package expression

import "strconv"

// inputs checks that the tasks whose artifacts task i takes have ended before it:
// the rule of what an expression may read. Others are told of by Definition.Validate.
func (c *checker) inputs(i int) {
	t := &c.d.Tasks[i]
	for place, name := range t.Inputs {
		up, ok := c.tasks[name]
		if !ok || up == i || c.upstream == nil || len(c.d.Tasks[up].Artifacts) == 0 {
			continue
		}
		path := append(pathOf(t), "inputs", strconv.Itoa(place))
		switch {
		case c.isFinal(i) && !c.isFinal(up), c.upstream.isUpstream(up, i):
		case !c.isFinal(i) && c.isFinal(up):
			c.add(path, "task %q takes the artifacts of %q of finally, which runs after all others", t.Name, name)
		case c.upstream.isUpstream(i, up):
			c.add(path, "task %q takes the artifacts of %q, which is downstream: it has none yet", t.Name, name)
		default:
			c.add(path, "task %q takes the artifacts of %q, which is not upstream: add it to depends_on", t.Name, name)
		}
	}
}
