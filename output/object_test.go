package output

import (
	"testing"
)

func TestObjectKeepsWhatItIsNotToldToChange(t *testing.T) {
	const in = `{"id":1.50,"z":{"b":1,"a":[1, 2]},"big":12345678901234567890,"n":null,"s":"\u00e9"}`
	o, err := ParseObject([]byte(in))
	if err != nil {
		t.Fatal(err)
	}
	if got := string(o.Append(nil)); got != in {
		t.Errorf("unchanged object:\n got %s\nwant %s", got, in)
	}
	if err := o.Set("n", []string{"x"}); err != nil {
		t.Fatal(err)
	}
	if err := o.Set("new", 1); err != nil {
		t.Fatal(err)
	}
	const want = `{"id":1.50,"z":{"b":1,"a":[1, 2]},"big":12345678901234567890,"n":["x"],"s":"\u00e9","new":1}`
	if got := string(o.Append(nil)); got != want {
		t.Errorf("changed object:\n got %s\nwant %s", got, want)
	}
}

func TestObjectGet(t *testing.T) {
	o, err := ParseObject([]byte(`{"a":{"b":{"c":"deep"}},"n":null,"s":"x"}`))
	if err != nil {
		t.Fatal(err)
	}
	var s string
	if !o.Get(&s, "a", "b", "c") || s != "deep" {
		t.Errorf("a.b.c = %q", s)
	}
	for _, path := range [][]string{{"n"}, {"missing"}, {"a", "x"}, {"s", "x"}, {"a"}} {
		if o.Get(&s, path...) {
			t.Errorf("%v: found %q, want nothing", path, s)
		}
	}
}

func TestObjectRefuses(t *testing.T) {
	for _, in := range []string{``, `[]`, `1`, `{`, `{"a"}`, `{"a":1`, `{"a":1}x`, `{"a":1} {}`, `{"a":1,}`, `null`} {
		if _, err := ParseObject([]byte(in)); err == nil {
			t.Errorf("%q was taken for an object", in)
		}
	}
}

func FuzzObject(f *testing.F) {
	f.Add([]byte(`{"a":1,"b":{"c":null},"a":2}`))
	f.Fuzz(func(t *testing.T, in []byte) {
		o, err := ParseObject(in)
		if err != nil {
			return
		}
		again, err := ParseObject(o.Append(nil))
		if err != nil {
			t.Fatalf("%q became %q: %v", in, o.Append(nil), err)
		}
		if string(again.Append(nil)) != string(o.Append(nil)) {
			t.Fatal("not stable")
		}
	})
}
