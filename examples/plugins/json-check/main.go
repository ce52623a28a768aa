// Looks whether every JSON file below a folder parses and no object has a key twice: json-check FOLDER RESULT
package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: json-check FOLDER RESULT")
		os.Exit(2)
	}
	wrong, err := checkAll(os.Args[1])
	if err == nil {
		err = os.WriteFile(os.Args[2], []byte(fmt.Sprint(wrong)), 0o644)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	if wrong > 0 {
		os.Exit(1)
	}
}

// checkAll prints what is wrong with each file, in the order of their paths, and counts the files that are wrong.
func checkAll(folder string) (int, error) {
	wrong := 0
	err := filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() && path != folder && strings.HasPrefix(entry.Name(), ".") {
			return filepath.SkipDir
		}
		if !entry.Type().IsRegular() || filepath.Ext(path) != ".json" {
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if at, problem := check(text); problem != nil {
			name, _ := filepath.Rel(folder, path)
			line := 1 + bytes.Count(text[:at], []byte("\n"))
			fmt.Printf("%s:%d: %v\n", name, line, problem)
			wrong++
		}
		return nil
	})
	return wrong, err
}

// check says what is wrong with a text, and at which byte.
func check(text []byte) (int64, error) {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	if err := value(decoder); err != nil {
		var syntax *json.SyntaxError
		if errors.As(err, &syntax) {
			return min(syntax.Offset, int64(len(text))), err
		}
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return int64(len(text)), errors.New("the text ends too early")
		}
		return decoder.InputOffset(), err
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return decoder.InputOffset(), errors.New("something follows the value")
	}
	return 0, nil
}

// value reads one value, with everything in it.
func value(decoder *json.Decoder) error {
	token, err := decoder.Token()
	if err != nil {
		return err
	}
	switch token {
	case json.Delim('{'):
		seen := map[string]bool{}
		for decoder.More() {
			key, err := decoder.Token()
			if err != nil {
				return err
			}
			name, _ := key.(string)
			if seen[name] {
				return fmt.Errorf("the key %q is there twice", name)
			}
			seen[name] = true
			if err := value(decoder); err != nil {
				return err
			}
		}
	case json.Delim('['):
		for decoder.More() {
			if err := value(decoder); err != nil {
				return err
			}
		}
	default:
		return nil
	}
	_, err = decoder.Token()
	return err
}
