package dialect

// Sizes of a page, see the filters of the store.
const (
	pageDefault = 50
	pageMax     = 200
)

// PageLimit returns how many items a page with that limit has.
func PageLimit(limit int) int {
	if limit <= 0 {
		return pageDefault
	}
	return min(limit, pageMax)
}
