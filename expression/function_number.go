package expression

import (
	"errors"
	"fmt"
	"math"
)

var numberFunctions = []function{
	{
		name: "min", params: []parameter{{name: "value", takes: kindAny}}, repeats: true, gives: typeAny,
		about:    "the least of several numbers or texts, or of those of one list, without nulls; null if there is none",
		examples: []functionCase{{`min(3, 1.5)`, "1.5"}, {`min([4, null, 2])`, "2"}, {`min([]) == null`, "true"}},
		call:     func(args []any) (any, error) { return extreme(args, -1) },
	},
	{
		name: "max", params: []parameter{{name: "value", takes: kindAny}}, repeats: true, gives: typeAny,
		about:    "the greatest of them",
		examples: []functionCase{{`max([2, 10])`, "10"}, {`max('2026-01-31', '2025-12-31')`, "2026-01-31"}},
		call:     func(args []any) (any, error) { return extreme(args, 1) },
	},
	{
		name: "sum", params: aList, gives: typeAny,
		about:    "the sum of the numbers of a list, without nulls",
		examples: []functionCase{{`sum([1, 2, null])`, "3"}, {`sum([1, 0.5])`, "1.5"}, {`sum([])`, "0"}},
		call:     callSum,
	},
	{
		name: "round", params: []parameter{{name: "number", takes: kindNumber}, {name: "digits", takes: kindNumber}}, optional: 1, gives: typeAny,
		about:    "the nearest number with so many digits after the point (0 to 15), without `digits` the nearest whole number",
		examples: []functionCase{{`round(2.345, 1)`, "2.3"}, {`round(2.5)`, "3"}, {`round(-2.5)`, "-3"}, {`round(1.5e300, 15)`, "1.5e+300"}, {`round(-1e17)`, "-100000000000000000"}},
		call:     callRound,
	},
}

func extreme(args []any, sign int) (any, error) {
	if len(args) == 1 && kindOfValue(args[0]) == kindList {
		args = listOf(args[0])
	}
	some := withoutNull(args)
	if err := haveOrder(some); err != nil {
		return nil, err
	}
	if len(some) == 0 {
		return nil, nil
	}
	best := some[0]
	for _, value := range some[1:] {
		if compare(value, best) == sign {
			best = value
		}
	}
	return best, nil
}

func withoutNull(list []any) []any {
	some := make([]any, 0, len(list))
	for _, value := range list {
		if value != nil {
			some = append(some, value)
		}
	}
	return some
}

// callSum adds whole numbers exactly, until one is none.
func callSum(args []any) (any, error) {
	exact, total, isWhole := 0, 0.0, true
	for i, value := range listOf(args[0]) {
		if value == nil {
			continue
		}
		f, ok := floatOf(value)
		if !ok {
			return nil, fmt.Errorf("item %d is %s, not a number", i, kindOf(value))
		}
		total += f
		n, err := whole(value)
		if isWhole = isWhole && err == nil; !isWhole {
			continue
		}
		if n > 0 && exact > math.MaxInt-n || n < 0 && exact < math.MinInt-n {
			return nil, errors.New("the sum is larger than 64 bits")
		}
		exact += n
	}
	if isWhole {
		return exact, nil
	}
	return total, nil
}

func callRound(args []any) (any, error) {
	f, _ := floatOf(args[0])
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return nil, fmt.Errorf("%v is no number", f)
	}
	digits := 0
	if len(args) > 1 {
		var err error
		if digits, err = whole(args[1]); err != nil {
			return nil, err
		}
		if digits < 0 || digits > 15 {
			return nil, fmt.Errorf("digits is %d, but must be 0 to 15", digits)
		}
	}
	if n, isWhole := args[0].(int); isWhole {
		return n, nil
	}
	scale := math.Pow10(digits)
	rounded := math.Round(f*scale) / scale
	switch {
	case math.IsInf(f*scale, 0):
		return f, nil
	case digits == 0 && math.Abs(rounded) < 1<<53: // beyond, a float has no neighbours to tell apart
		return int(rounded), nil
	}
	return rounded, nil
}
