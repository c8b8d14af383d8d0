package main

import (
	"fmt"
	"slices"
	"strings"
)

// family is the OpenWrt package architectures that one build of the daemon runs
// on. OpenWrt tells them apart by the CPU that C code is tuned for.
type family struct {
	// Env is what the Go toolchain is told.
	Env []string
	// Names are what opkg and apk call them.
	Names []string
}

// families returns those that packages are made for.
func families() []family {
	return []family{
		{[]string{"GOARCH=arm64"}, []string{
			"aarch64_cortex-a53", "aarch64_cortex-a72", "aarch64_cortex-a76", "aarch64_generic",
		}},
		{[]string{"GOARCH=arm", "GOARM=7"}, []string{
			"arm_cortex-a7_neon-vfpv4", "arm_cortex-a5_vfpv4", "arm_cortex-a7_vfpv4", "arm_cortex-a8_vfpv3",
			"arm_cortex-a9_neon", "arm_cortex-a9_vfpv3-d16", "arm_cortex-a15_neon-vfpv4",
		}},
		// No FPU in the name: there may be none.
		{[]string{"GOARCH=arm", "GOARM=7,softfloat"}, []string{"arm_cortex-a7", "arm_cortex-a9"}},
		{[]string{"GOARCH=mips", "GOMIPS=softfloat"}, []string{"mips_24kc", "mips_mips32"}},
		{[]string{"GOARCH=mipsle", "GOMIPS=softfloat"}, []string{"mipsel_24kc", "mipsel_74kc", "mipsel_mips32"}},
		{[]string{"GOARCH=amd64"}, []string{"x86_64"}},
	}
}

// choose returns the families of the architectures in list, which are separated by
// blanks or commas, each with only those of its names that are in the list. "all"
// stands for all of them.
func choose(list string) ([]family, error) {
	wanted := strings.FieldsFunc(list, func(r rune) bool { return r == ' ' || r == ',' })
	all := slices.Contains(wanted, "all")
	var chosen []family
	var known []string
	for _, f := range families() {
		known = append(known, f.Names...)
		if !all {
			f.Names = slices.DeleteFunc(f.Names, func(n string) bool { return !slices.Contains(wanted, n) })
		}
		if len(f.Names) > 0 {
			chosen = append(chosen, f)
		}
	}
	for _, name := range wanted {
		if name != "all" && !slices.Contains(known, name) {
			return nil, fmt.Errorf("there is no architecture %q; there are: %s, all", name, strings.Join(known, ", "))
		}
	}
	if len(chosen) == 0 {
		return nil, fmt.Errorf("no architecture is named; there are: %s, all", strings.Join(known, ", "))
	}
	return chosen, nil
}
