package config

import (
	"fmt"
	"slices"
	"strings"
)

// applyEnvironment puts the variables of environ over what the file says. A
// variable that is empty counts as not there, as compose files have it.
func applyEnvironment(sections []*section, environ []string) (_ []*section, warnings []string, problems Problems) {
	variables := map[string]string{}
	for _, assignment := range environ {
		name, value, _ := strings.Cut(assignment, "=")
		if strings.HasPrefix(name, variablePrefix) {
			variables[name] = value
		}
	}
	known := map[string]bool{variableCloud: true}
	cloud, problem := isCloud(variables)
	if problem != nil {
		problems = append(problems, *problem)
	}
	for _, o := range Options() {
		if o.Environment == "" {
			continue
		}
		names := append([]string{o.Environment}, o.Aliases...)
		for _, name := range names {
			known[name] = true
		}
		e, problem := fromEnvironment(o, names, variables)
		if problem != nil {
			problems = append(problems, *problem)
		}
		under := e == nil // the file goes over it
		if under && cloud && o.Cloud != "" {
			e = &entry{file: Environment, option: variableCloud, values: strings.Fields(o.Cloud)}
		}
		if e == nil {
			continue
		}
		name := sectionMain
		if o.Section == TypeBackhaul {
			name = sectionBackhaul
		}
		var target *section
		sections, target = ensure(sections, o.Section, name)
		if !under || !target.has(o.Name) {
			target.entries[o.Name] = *e
		}
	}
	var all []string
	for name := range known {
		all = append(all, name)
	}
	slices.Sort(all)
	for name := range variables {
		if !known[name] {
			hint := ""
			if k, ok := Closest(name, all); ok {
				hint = ": did you mean " + k + "?"
			}
			warnings = append(warnings, fmt.Sprintf("%s: %s is not known%s", Environment, quoted(name), hint))
		}
	}
	slices.Sort(warnings)
	return sections, warnings, problems
}

// isCloud tells whether the defaults for a server in the cloud hold.
func isCloud(variables map[string]string) (bool, *Problem) {
	text := strings.TrimSpace(variables[variableCloud])
	if text == "" {
		return false, nil
	}
	on, ok := parseBool(text)
	if !ok {
		return false, &Problem{File: Environment, Option: variableCloud, Value: text, Allowed: allowedBool}
	}
	return on, nil
}

// fromEnvironment returns what the variables say about o, or nil. Aliases of a
// list add up; the variable's own name and its aliases may not contradict.
func fromEnvironment(o Option, names []string, variables map[string]string) (*entry, *Problem) {
	var own, alias *entry
	for i, name := range names {
		text := strings.TrimSpace(variables[name])
		if text == "" {
			continue
		}
		e := &entry{file: Environment, option: name, values: []string{text}}
		if o.List {
			e.values = strings.FieldsFunc(text, func(r rune) bool { return r == ',' || r == ' ' || r == '\t' || r == '\n' || r == '\r' })
		}
		switch {
		case i == 0:
			own = e
		case alias == nil:
			alias = e
		default:
			alias.values = append(alias.values, e.values...)
		}
	}
	if own == nil {
		return alias, nil
	}
	if alias != nil && !sameValues(own.values, alias.values) {
		return own, &Problem{
			File: Environment, Option: own.option, Value: o.shown(strings.Join(own.values, " ")),
			Reason:  "says something else than its old name " + alias.option,
			Allowed: "set only one of them",
		}
	}
	return own, nil
}

// sameValues reports whether a and b hold the same, in any order.
func sameValues(a, b []string) bool {
	a, b = slices.Clone(a), slices.Clone(b)
	slices.Sort(a)
	slices.Sort(b)
	return slices.Equal(slices.Compact(a), slices.Compact(b))
}
