package scanner

// reservedFiles are the descriptors that are left for all but probes: the
// standard streams, lists, outputs, DNS sockets, the runtime.
const reservedFiles = 64

// FitFileLimit raises the limit of open files of this process to what so many
// probes at once need, as far as the system allows. It returns how many of them
// fit, at least one, and the limit now in force.
func FitFileLimit(concurrency int) (fits, limit int) {
	if concurrency <= 0 {
		concurrency = 500
	}
	want := uint64(concurrency) + reservedFiles
	got := openFileLimit(want)
	if got >= want {
		return concurrency, int(min(got, 1<<31-1))
	}
	return max(1, int(got)-reservedFiles), int(got)
}
