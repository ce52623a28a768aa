// Command go-keys reads every JSON file below a folder and prints its keys' digest.
//
// usage: go-keys FOLDER [RESULT]
//
// One line a file, sorted by path: the SHA-256 of the file's key paths (sorted, one a line), their number, and the path.
// The digest over all those lines comes last, and goes to RESULT if one is named. A file that is no JSON fails the run.
package main

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
	"strings"
)

func main() {
	if len(os.Args) < 2 || len(os.Args) > 3 {
		fmt.Fprintln(os.Stderr, "usage: go-keys FOLDER [RESULT]")
		os.Exit(2)
	}
	if err := run(os.Args[1], os.Args[2:]); err != nil {
		fmt.Fprintf(os.Stderr, "go-keys: %v\n", err)
		os.Exit(1)
	}
}

func run(folder string, result []string) error {
	all := sha256.New()
	err := filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() || filepath.Ext(path) != ".json" {
			return nil
		}
		keys, err := keysOf(path)
		if err != nil {
			return fmt.Errorf("failed to read `%s`: %w", path, err)
		}
		line := fmt.Sprintf("%s %d %s\n", digest(keys), len(keys), path)
		fmt.Print(line)
		all.Write([]byte(line))
		return nil
	})
	if err != nil {
		return err
	}
	sum := hex.EncodeToString(all.Sum(nil))
	fmt.Printf("%s total\n", sum)
	for _, path := range result {
		if err := os.WriteFile(path, []byte(sum), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// keysOf lists the paths of all object keys in a JSON file, sorted; the items of an array share the path `[]`.
func keysOf(path string) ([]string, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var value any
	if err := json.Unmarshal(text, &value); err != nil {
		return nil, err
	}
	seen := map[string]bool{}
	collect("", value, seen)
	keys := make([]string, 0, len(seen))
	for key := range seen {
		keys = append(keys, key)
	}
	sort.Strings(keys)
	return keys, nil
}

func collect(prefix string, value any, seen map[string]bool) {
	switch value := value.(type) {
	case map[string]any:
		for key, inner := range value {
			path := prefix + "." + key
			seen[path] = true
			collect(path, inner, seen)
		}
	case []any:
		for _, inner := range value {
			collect(prefix+"[]", inner, seen)
		}
	}
}

func digest(keys []string) string {
	sum := sha256.Sum256([]byte(strings.Join(keys, "\n")))
	return hex.EncodeToString(sum[:])
}
