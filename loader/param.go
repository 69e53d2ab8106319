package loader

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"gopkg.in/yaml.v3"

	"github.com/sauravritesh63/miniairflow"
)

// paramDraft is a param whose keys are being read. Its values wait for its type.
type paramDraft struct {
	miniairflow.Param
	fallback, enum, minimum, maximum *value
	isRequired                       bool
}

var paramFields = fields[paramDraft]{
	"type":        textField(func(p *paramDraft) *miniairflow.ParamType { return &p.Type }),
	"description": textField(func(p *paramDraft) *string { return &p.Description }),
	"default":     func(v value, p *paramDraft) { p.fallback = &v },
	"enum":        func(v value, p *paramDraft) { p.enum = &v },
	"minimum":     func(v value, p *paramDraft) { p.minimum = &v },
	"maximum":     func(v value, p *paramDraft) { p.maximum = &v },
	"pattern":     textField(func(p *paramDraft) *string { return &p.Pattern }),
	"required": func(v value, p *paramDraft) {
		p.isRequired = v.boolean()
		p.Optional = !p.isRequired
	},
}

// params reads the params in file order. Each is a block with a type, or just
// its default, from which the type follows where YAML leaves no doubt: quoted
// or other text, true and false, numbers that keep their look (3 and 1.5, but
// neither 3.10 nor 007), and plain dates and datetimes.
func (v value) params() []miniairflow.Param {
	entries, _ := v.entries("NAME: default, or NAME: {type: string, default: …}")
	var params []miniairflow.Param
	for _, e := range entries {
		draft := paramDraft{Param: miniairflow.Param{Name: e.name}}
		e.doc.positions[joined(e.path)] = at(e.key)
		switch e.node.Kind {
		case yaml.MappingNode:
			e.paramBlock(&draft)
		case yaml.ScalarNode:
			draft.fallback = &e.value
			e.doc.positions[joined(append(e.path, "default"))] = e.at
			draft.Type = e.inferType()
		default:
			e.mismatch("a default, or a map with type:")
		}
		if draft.fallback != nil {
			draft.Default = draft.fallback.paramValue(draft.Type)
		}
		params = append(params, draft.Param)
	}
	return params
}

func (e entry) paramBlock(draft *paramDraft) {
	entries, _ := e.entries("")
	paramFields.read(entries, "param "+quoted(e.name), draft)
	if draft.isRequired && draft.fallback != nil {
		draft.fallback.fail("param %q has a default, so nobody has to give it: remove required: true, or the default", e.name)
	}
	if _, typed := e.doc.positions[joined(append(e.path, "type"))]; !typed {
		switch {
		case draft.fallback != nil:
			draft.Type = draft.fallback.inferType()
		case draft.enum != nil:
			draft.Type = miniairflow.ParamEnum
		default:
			e.fail("param %q has no type: write type: string (or %s)", e.name, otherTypes())
			return
		}
	}
	if draft.minimum != nil {
		draft.Minimum = draft.minimum.paramValue(draft.Type)
	}
	if draft.maximum != nil {
		draft.Maximum = draft.maximum.paramValue(draft.Type)
	}
	if draft.enum == nil {
		return
	}
	for _, item := range draft.enum.items("a list of values: write [eu, us]") {
		draft.Enum = append(draft.Enum, item.paramValue(draft.Type))
	}
}

// otherTypes lists the types but the first, which is string.
func otherTypes() string {
	names := make([]string, 0, len(miniairflow.ParamTypes))
	for _, t := range miniairflow.ParamTypes[1:] {
		names = append(names, string(t))
	}
	return strings.Join(names, ", ")
}

// inferType returns the type that a default shows, or records that it shows none.
func (v value) inferType() miniairflow.ParamType {
	switch v.node.Kind {
	case yaml.SequenceNode:
		return miniairflow.ParamList
	case yaml.MappingNode:
		return miniairflow.ParamObject
	}
	text, ok := v.text()
	switch {
	case !ok:
		return ""
	case !v.isPlain() || strings.Contains(text, "${{"):
		return miniairflow.ParamString
	case text == "true" || text == "false":
		return miniairflow.ParamBoolean
	case decimal.MatchString(text):
		return miniairflow.ParamInteger
	}
	if f, err := strconv.ParseFloat(text, 64); err == nil {
		if strconv.FormatFloat(f, 'f', -1, 64) == text {
			return miniairflow.ParamNumber
		}
		return v.doubtful(text, "number")
	}
	if _, err := time.Parse(time.DateOnly, text); err == nil {
		return miniairflow.ParamDate
	}
	if _, err := time.Parse(time.RFC3339, text); err == nil {
		return miniairflow.ParamDatetime
	}
	if slices.Contains(miniairflow.ParamTypes, miniairflow.ParamType(text)) {
		v.fail("%s is the name of a type: write {type: %s}, or %q for that text", text, text, text)
		return ""
	}
	switch strings.ToLower(text) {
	case "yes", "no", "on", "off", "true", "false":
		return v.doubtful(text, "boolean")
	}
	return miniairflow.ParamString
}

func (v value) doubtful(text, other string) miniairflow.ParamType {
	v.fail("%s may be text or a %s: write {type: string, default: %q}, or type: %s", text, other, text, other)
	return ""
}

// paramValue returns a value as JSON has the type. What does not fit, and a
// template, stays text; whether it fits is not judged here.
func (v value) paramValue(t miniairflow.ParamType) any {
	if v.node.Kind != yaml.ScalarNode && (t == miniairflow.ParamList || t == miniairflow.ParamObject) {
		return v.json()
	}
	text, ok := v.text()
	if !ok {
		return nil
	}
	switch {
	case t == miniairflow.ParamInteger && decimal.MatchString(text):
		if n, err := strconv.ParseInt(text, 10, 64); err == nil {
			return n
		}
	case t == miniairflow.ParamNumber:
		if f, err := strconv.ParseFloat(text, 64); err == nil && f-f == 0 { // neither NaN nor infinite, which JSON lacks
			return f
		}
	case t == miniairflow.ParamBoolean && v.isPlain() && (text == "true" || text == "false"):
		return text == "true"
	}
	return text
}
