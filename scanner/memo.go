package scanner

import "iter"

// A memo remembers the values of at most size keys; the one that was not used
// for the longest time makes room. If weigh is set, the values may weigh no more
// than most together. It is not safe for concurrent use.
type memo[K comparable, V any] struct {
	size    int
	weigh   func(V) int
	weight  int
	most    int
	entries map[K]*memoEntry[K, V]
	root    memoEntry[K, V] // ring: root.next was used last, root.prev is the next to go
}

type memoEntry[K comparable, V any] struct {
	key        K
	value      V
	prev, next *memoEntry[K, V]
}

func newMemo[K comparable, V any](size int) *memo[K, V] {
	m := &memo[K, V]{size: size, entries: make(map[K]*memoEntry[K, V])}
	m.root.prev, m.root.next = &m.root, &m.root
	return m
}

// get returns the value of key and counts as a use of it.
func (m *memo[K, V]) get(key K) (value V, ok bool) {
	e := m.entries[key]
	if e == nil {
		return value, false
	}
	m.unlink(e)
	m.pushFront(e)
	return e.value, true
}

// put sets the value of key and counts as a use of it.
func (m *memo[K, V]) put(key K, value V) {
	e := m.entries[key]
	switch {
	case e != nil:
		m.drop(e)
	case len(m.entries) >= m.size: // the oldest entry is used again
		e = m.root.prev
		m.drop(e)
	default:
		e = new(memoEntry[K, V])
	}
	e.key, e.value = key, value
	m.entries[key] = e
	m.pushFront(e)
	if m.weigh == nil {
		return
	}
	m.weight += m.weigh(value)
	for m.weight > m.most {
		m.drop(m.root.prev)
	}
}

func (m *memo[K, V]) drop(e *memoEntry[K, V]) {
	m.unlink(e)
	delete(m.entries, e.key)
	if m.weigh != nil {
		m.weight -= m.weigh(e.value)
	}
}

func (m *memo[K, V]) unlink(e *memoEntry[K, V]) {
	e.prev.next, e.next.prev = e.next, e.prev
}

func (m *memo[K, V]) pushFront(e *memoEntry[K, V]) {
	e.prev, e.next = &m.root, m.root.next
	e.prev.next, e.next.prev = e, e
}

// all returns the entries, the one that was used last at the end.
func (m *memo[K, V]) all() iter.Seq2[K, V] {
	return func(yield func(K, V) bool) {
		for e := m.root.prev; e != &m.root; e = e.prev {
			if !yield(e.key, e.value) {
				return
			}
		}
	}
}
