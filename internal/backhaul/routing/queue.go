package routing

// queue is keys in the order in which they came, each once. One that is taken
// out again leaves nothing behind for long: the memory it takes goes with the
// keys that wait, not with how often they came and went.
type queue struct {
	turns map[Key]uint64 // of the keys that wait
	list  []turn         // those, and some that were taken out
	last  uint64
}

type turn struct {
	key    Key
	number uint64
}

// spare is how many keys that were taken out may stay in the list at any length.
const spare = 16

func (q *queue) add(k Key) {
	if q.has(k) {
		return
	}
	if q.turns == nil {
		q.turns = map[Key]uint64{}
	}
	q.last++
	q.turns[k] = q.last
	q.list = append(q.list, turn{k, q.last})
}

func (q *queue) remove(k Key) {
	if !q.has(k) {
		return
	}
	delete(q.turns, k)
	if len(q.list) <= 2*len(q.turns)+spare {
		return
	}
	waiting := make([]turn, 0, len(q.turns))
	for _, t := range q.list {
		if q.turns[t.key] == t.number {
			waiting = append(waiting, t)
		}
	}
	q.list = waiting
}

// take returns the key that waits longest, and takes it out.
func (q *queue) take() (k Key, ok bool) {
	for len(q.list) > 0 {
		t := q.list[0]
		q.list = q.list[1:]
		if q.turns[t.key] == t.number {
			delete(q.turns, t.key)
			if len(q.turns) == 0 {
				q.turns, q.list = nil, nil // neither shrinks by itself
			}
			return t.key, true
		}
	}
	return k, false
}

func (q *queue) has(k Key) bool {
	_, ok := q.turns[k]
	return ok
}

func (q *queue) len() int { return len(q.turns) }
