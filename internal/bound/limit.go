package bound

// Limit is one bound of the node as it is shown: on the status page, and in the
// metrics. The functions are called whenever somebody looks, and must not block; nil
// is 0.
type Limit struct {
	// Name in small letters and underscores. It stays the same: the metrics have it.
	Name string
	// Description in words, for people.
	Description string
	// Unit is "bytes", or empty for a number of things.
	Unit string
	// Used is how much is in use, and Most how much there may be; 0 is no bound.
	Used, Most func() int64
	// Refused counts what was refused since the node started.
	Refused func() uint64
}

// Limit tells how much of the pool is in use.
func (p *Pool) Limit(name, description, unit string) Limit {
	return Limit{Name: name, Description: description, Unit: unit, Used: p.Used, Most: p.Most, Refused: p.Refused}
}
