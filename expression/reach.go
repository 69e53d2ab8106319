package expression

import miniairflow "github.com/sauravritesh63/miniairflow"

// reach answers which tasks are upstream of which, at any distance. It is built
// at the first question: one bit per pair of tasks, 12.5 MB for 10,000 of them.
type reach struct {
	dag  *miniairflow.DAG
	sets [][]uint64 // by task, the tasks upstream of it
}

// isUpstream reports whether task up must end before task down may start.
func (r *reach) isUpstream(up, down int) bool {
	if r.sets == nil {
		r.build()
	}
	return r.sets[down][up/64]&(1<<(up%64)) != 0
}

func (r *reach) build() {
	count := len(r.dag.Order)
	words := (count + 63) / 64
	all := make([]uint64, count*words)
	r.sets = make([][]uint64, count)
	for i := range r.sets {
		r.sets[i] = all[i*words : (i+1)*words]
	}
	for _, task := range r.dag.Order {
		own := r.sets[task]
		for _, up := range r.dag.Upstream[task] {
			for w, bits := range r.sets[up] {
				own[w] |= bits
			}
			own[up/64] |= 1 << (up % 64)
		}
	}
}
