package process

// FindLost finds the processes of one lost command.
func FindLost(mark string, pid int, born uint64) []int {
	return newSearch(lostCommand{mark: mark, pid: pid, born: born}).find()
}

// Birth is birth.
func Birth(pid int) uint64 { return birth(pid) }
