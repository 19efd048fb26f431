package output

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"strings"
)

// withUnknown returns a record as it is written now, with the members of the line
// that it was read from which this version does not know: those of a later one,
// or of another tool. They keep their place in the tree, and follow the others.
func withUnknown(record []byte, line string) []byte {
	merged, err := mergeObjects(record, []byte(line))
	if err != nil {
		return record // the line has been read before, so there is no error
	}
	return append(merged, '\n')
}

func mergeObjects(now, old []byte) ([]byte, error) {
	var rest map[string]json.RawMessage
	if err := json.Unmarshal(old, &rest); err != nil {
		return nil, err
	}
	dec := json.NewDecoder(bytes.NewReader(now))
	if _, err := dec.Token(); err != nil {
		return nil, err
	}
	merged := []byte{'{'}
	known := map[string]bool{}
	for dec.More() {
		name, err := dec.Token()
		if err != nil {
			return nil, err
		}
		key := name.(string) // JSON has no other names
		var value json.RawMessage
		if err := dec.Decode(&value); err != nil {
			return nil, err
		}
		if !madeAnew(key) {
			value = mergeValues(value, rest[key])
		}
		merged = appendMember(merged, key, value)
		known[key] = true
	}
	for _, key := range slices.Sorted(maps.Keys(rest)) {
		if !known[key] && !known[strings.TrimSuffix(key, base64Suffix)] {
			merged = appendMember(merged, key, rest[key])
		}
	}
	return append(merged, '}'), nil
}

// madeAnew reports whether the elements of a list are not those that were read.
func madeAnew(key string) bool { return key == "findings" || key == "by_software" }

func appendMember(dst []byte, key string, value []byte) []byte {
	if len(dst) > 1 {
		dst = append(dst, ',')
	}
	return append(append(appendString(dst, key), ':'), value...)
}

// mergeValues merges objects, and lists of as many objects; anything else is as
// it is now.
func mergeValues(now, old json.RawMessage) json.RawMessage {
	if len(now) == 0 || len(old) == 0 || now[0] != old[0] {
		return now
	}
	if now[0] == '{' {
		if merged, err := mergeObjects(now, old); err == nil {
			return merged
		}
	}
	var list, before []json.RawMessage
	if now[0] != '[' || json.Unmarshal(now, &list) != nil || json.Unmarshal(old, &before) != nil || len(list) != len(before) {
		return now
	}
	for i := range list {
		list[i] = mergeValues(list[i], before[i])
	}
	return append(append([]byte{'['}, bytes.Join(rawBytes(list), []byte{','})...), ']')
}

func rawBytes(list []json.RawMessage) [][]byte {
	all := make([][]byte, len(list))
	for i := range list {
		all[i] = list[i]
	}
	return all
}
