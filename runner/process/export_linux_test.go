package process

// FindLost finds the processes of one lost command.
func FindLost(mark string, pid int, born uint64) []int {
	return newSearch(lostCommand{mark: mark, pid: pid, born: span{from: born, to: born}}).find()
}

// Birth returns when a process began.
func Birth(pid int) uint64 {
	p, _ := look(pid)
	return p.born
}
