// Package output writes the results of a scan and reads them back.
//
// # NDJSON: the form that keeps everything
//
// Each line is one JSON object with a "type": "run" first, then "service",
// "domain" and "progress" in the order in which they became known, "summary"
// last. Every line stands alone, so that a file may be cut, filtered, joined
// and followed while it grows. The rules are:
//
//   - Every field is always there. What was not seen is null (or "" for a name
//     or an address), never false and never an empty list. The lists "ptr",
//     "mx", "cname" and "addresses" are null when not known and [] when known
//     to be empty; every other list is part of what was seen, and [] at least.
//   - Times are RFC 3339 in UTC; null for none.
//   - What a server sent raw, such as "banner" or the "raw" of "ehlo", is a
//     string in which bytes that are not UTF-8 appear as U+FFFD. Only where
//     there are such bytes, a field of the same name and "_base64" carries the
//     exact ones. [Reader] puts them back: nothing is lost.
//   - Control, invisible and bidirectional characters are written as \u
//     escapes, so that the file is safe to look at.
//
// [Schema] has the formal description. [AppendResult] is the encoder alone.
//
// # CSV: for a security review
//
// One row per service, RFC 4180: a header always, CRLF at the end of a row,
// cells in double quotes where needed. [Columns] lists the columns, whose names
// and meanings are stable. A cell is "yes" or "no" for a fact that was seen,
// and empty for one that was not; a list is "none" where it is known to be
// empty.
//
// Cells hold what servers say, and spreadsheets run what begins with an equals
// sign. So a cell whose first character is one of = + - @ or their full-width
// forms gets an apostrophe in front, also behind spaces. Control characters and
// the like are escaped by [Escape]: a record is one physical line whatever its
// banner holds. Cells end with an ellipsis after 32,000 bytes, since
// spreadsheets break longer ones apart. NDJSON keeps the whole truth.
//
// # Text: for people
//
// One line per service: endpoint, name (and mail domain, where the name does
// not show it), software, TLS version, what is wrong. Findings that are mere
// information are left out. A domain has a line of its own only where something
// is wrong with it. [Summary] writes the figures of the end.
//
// # Use
//
// [New] writes to any io.Writer, [Create] to a new file whose name tells the
// format, and [Tee] to several at once. [ReadBack] goes on with the NDJSON file of
// a run that has ended too early, and [Replace] makes another output anew, which
// takes the place of the old one when it is whole. Nothing here starts a goroutine: call
// Flush when the scan is idle.
package output
