// Finds lines that hold a marker such as FIXME: {{name}} MARKER FOLDER RESULT
package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"unicode/utf8"
)

func main() {
	if len(os.Args) != 4 {
		fmt.Fprintln(os.Stderr, "usage: {{name}} MARKER FOLDER RESULT")
		os.Exit(2)
	}
	count, err := find(os.Args[1], os.Args[2])
	if err == nil {
		err = os.WriteFile(os.Args[3], []byte(fmt.Sprint(count)), 0o644)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	if count > 0 {
		os.Exit(1)
	}
}

// find prints the lines of the files in folder that hold marker, and counts them.
func find(marker, folder string) (int, error) {
	// Sorted by name.
	entries, err := os.ReadDir(folder)
	if err != nil {
		return 0, err
	}
	count := 0
	for _, entry := range entries {
		if !entry.Type().IsRegular() {
			continue
		}
		text, err := os.ReadFile(filepath.Join(folder, entry.Name()))
		if err != nil {
			return 0, err
		}
		// What is no text has no lines.
		if !utf8.Valid(text) {
			continue
		}
		for index, line := range strings.Split(string(text), "\n") {
			if strings.Contains(line, marker) {
				fmt.Printf("%s:%d: %s\n", entry.Name(), index+1, strings.TrimSpace(line))
				count++
			}
		}
	}
	return count, nil
}
