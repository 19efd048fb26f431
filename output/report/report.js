"use strict";
// The report's behavior: tables that sort and filter, and panels. Everything is
// put on the page as text; the page's policy forbids anything else.

// Places in the rows; report_data.go writes them.
const HOST = { label: 0, names: 1, ports: 2, software: 3, severity: 4, findings: 5, domains: 6 };
const DOMAIN = { name: 0, status: 1, mx: 2, severity: 3, findings: 4, hosts: 5, error: 6, published: 7, chunk: 8, index: 9 };
const FINDING = { id: 0, severity: 1, title: 2, hosts: 3, domains: 4, fleet: 5 };
const SOFTWARE = { product: 0, version: 1, endpoints: 2, support: 3, severity: 4 };
const SEVERITIES = ["none", "info", "low", "medium", "high", "critical"];
const SUPPORT = ["not known", "nothing known against it", "needs an update", "ended"];
const PAGE = 50; // rows at first
const OLD = 30; // days after which the page says so
const MORE = 250; // rows that "Show more" adds

const $ = (id) => document.getElementById(id);

// el makes an element; children are nodes, texts or lists of them.
function el(tag, attributes, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes || {})) {
    if (name === "onclick") node.addEventListener("click", value);
    else if (value !== undefined && value !== "") node.setAttribute(name, value);
  }
  node.append(...children.flat(Infinity));
  return node;
}

const badge = (severity) => el("span", { class: `badge sev-${SEVERITIES[severity]}` }, SEVERITIES[severity]);
const link = (text, onclick) => el("button", { type: "button", class: "link", onclick }, breakable(text));
// breakable lets a long name break behind its dots.
const breakable = (name) => name.split(/(?<=\.)/).flatMap((part, i) => (i ? [document.createElement("wbr"), part] : [part]));
// mark is a word or two behind a dot of color.
const mark = (text, kind) => el("span", { class: `port ${kind}` }, text);
const plural = (n, noun) => `${n.toLocaleString("en")} ${noun}${n === 1 ? "" : "s"}`;

// unpack reads a data block of the page: gzip in base64.
async function unpack(id) {
  const text = atob($(id).textContent);
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return JSON.parse(await new Response(stream).text());
}

const chunks = new Map();
async function details(chunk, index) {
  if (!chunks.has(chunk)) chunks.set(chunk, unpack(`details-${chunk}`));
  return (await chunks.get(chunk))[index];
}

const collator = new Intl.Collator("en", { numeric: true, sensitivity: "base" });
function compare(a, b) {
  if (typeof a === "number" && typeof b === "number") return a - b;
  return collator.compare(a, b);
}

// A Table shows some of its rows: those that match, in order, as many as asked
// for.
class Table {
  constructor(id, rows, severity, columns, words) {
    Object.assign(this, { id, rows, severity, columns, words, limit: PAGE, facet: null, sorted: -1, down: false });
    this.texts = new Array(rows.length);
    this.order = rows.map((_, i) => i);
    this.table = document.querySelector(`[data-table=${id}]`);
    this.controls = document.querySelector(`[data-controls=${id}]`);
    this.moreButton = document.querySelector(`[data-more=${id}]`);
    this.input = this.controls.querySelector("input");
    this.select = this.controls.querySelector("select");
    this.controls.hidden = false;
    let timer;
    this.input.addEventListener("input", () => { clearTimeout(timer); timer = setTimeout(() => this.update(), 120); });
    this.select.addEventListener("change", () => this.update());
    this.moreButton.addEventListener("click", () => { this.limit += MORE; this.draw(); });
    this.heads = [...this.table.tHead.rows[0].cells];
    this.heads.forEach((th, i) => {
      const button = el("button", { type: "button", onclick: () => this.sort(i) }, th.textContent);
      th.replaceChildren(button);
    });
    this.update();
  }
  sort(i) {
    this.down = this.sorted === i ? !this.down : Boolean(this.columns[i].down);
    this.sorted = i;
    this.heads.forEach((th, j) => th.removeAttribute("aria-sort"));
    this.heads[i].setAttribute("aria-sort", this.down ? "descending" : "ascending");
    const value = this.rows.map(this.columns[i].value), sign = this.down ? -1 : 1;
    this.order.sort((a, b) => sign * compare(value[a], value[b]) || a - b);
    this.update();
  }
  text(i) {
    if (this.texts[i] === undefined) this.texts[i] = this.words(this.rows[i]).flat(Infinity).join(" ").toLowerCase();
    return this.texts[i];
  }
  update() {
    const words = this.input.value.toLowerCase().split(/\s+/).filter(Boolean), least = Number(this.select.value);
    this.shown = this.order.filter((i) => this.rows[i][this.severity] >= least &&
      (!this.facet || this.facet.test(this.rows[i])) && words.every((w) => this.text(i).includes(w)));
    this.limit = PAGE;
    this.draw();
  }
  // only narrows the table to rows that a test accepts, until the button that
  // says so is pressed.
  only(title, test) {
    this.facet = { test };
    this.input.value = "";
    this.select.value = "0";
    const button = el("button", { type: "button", class: "facet", onclick: () => { this.facet = null; button.remove(); this.update(); this.input.focus(); } }, `${title} `, el("span", { "aria-hidden": "true" }, "✕"), el("span", { class: "unseen" }, "remove this filter"));
    this.controls.querySelector(".facets").replaceChildren(button);
    this.update();
    $(this.id).scrollIntoView();
    button.focus({ preventScroll: true });
  }
  draw() {
    const part = this.shown.slice(0, this.limit);
    this.table.tBodies[0].replaceChildren(...part.map((i) => el("tr", null, this.columns.map((c, j) =>
      el("td", { class: this.heads[j].className }, c.cell(this.rows[i], i))))));
    const left = this.shown.length - part.length;
    this.moreButton.hidden = left === 0;
    this.moreButton.textContent = `Show ${Math.min(left, MORE)} more of ${this.shown.length.toLocaleString("en")}`;
    const says = this.shown.length === this.rows.length ? plural(this.rows.length, "row") : `${this.shown.length.toLocaleString("en")} of ${plural(this.rows.length, "row")}`;
    this.controls.querySelector(".shown").textContent = says;
    if (this.drawn) $("live").textContent = `${this.id}: ${says}`;
    this.drawn = true;
  }
}

// facts is a list of labels and texts.
const facts = (pairs) => el("dl", { class: "facts" }, (pairs || []).map(([name, text]) => el("div", null, el("dt", null, name), el("dd", null, text))));

function reference(text) {
  let url = "", match;
  if (/^https:\/\/[^\s]+$/.test(text)) url = text;
  else if (/^CVE-\d{4}-\d{4,}$/.test(text)) url = `https://www.cve.org/CVERecord?id=${text}`;
  else if ((match = /^RFC (\d+)/.exec(text))) url = `https://www.rfc-editor.org/rfc/rfc${match[1]}`;
  return url ? el("a", { href: url, rel: "noopener noreferrer", target: "_blank" }, text) : text;
}

async function main() {
  const data = await unpack("fleet");
  const entry = (id) => data.catalog[id] || [id, "", "", "", ""];
  const software = (i) => data.software[i].slice(0, 2).filter(Boolean).join(" ");

  // A finding as it shows at one host or domain; it opens to what it means.
  function finding(id, severity, evidence, advisories) {
    const [title, why, remedy, , cwe, ...references] = entry(id);
    return el("details", { class: "finding" }, el("summary", null, badge(severity), " ", title, el("span", { class: "seen" }, evidence)),
      why && el("p", null, why), remedy && el("p", null, el("strong", null, "What to do: "), remedy),
      advisories && advisories.length ? el("ul", null, advisories.map(([cve, text]) => el("li", null, reference(cve), ` ${text}`))) : [],
      el("p", { class: "note" }, [id, cwe, ...references].filter(Boolean).map((r, i) => [i ? " · " : "", reference(r)])));
  }

  function portCells(row) {
    return row[HOST.ports].map(([port, text, kind]) => mark(`${port || ""} ${text}`.trim(), kind));
  }

  const hostName = (row) => [link(row[HOST.label], () => openHost(row)), row[HOST.names].length ? el("span", { class: "names" }, row[HOST.names].slice(0, 3).map((name, i) => [i ? ", " : "", breakable(name)]), row[HOST.names].length > 3 ? " …" : "") : []];
  const hosts = new Table("hosts", data.hosts, HOST.severity, [
    { value: (r) => r[HOST.severity], cell: (r) => badge(r[HOST.severity]), down: true },
    { value: (r) => r[HOST.names][0] || r[HOST.label], cell: hostName },
    { value: (r) => r[HOST.ports].map((p) => p.slice(0, 2)).join(" "), cell: portCells },
    { value: (r) => r[HOST.software].map(software).join(", ") || "~", cell: (r) => r[HOST.software].map(software).join(", ") },
    { value: (r) => r[HOST.domains].length, cell: (r) => r[HOST.domains].length, down: true },
    { value: (r) => r[HOST.findings].length, cell: (r) => r[HOST.findings].length, down: true },
  ], (r) => [r[HOST.label], r[HOST.names], r[HOST.domains], r[HOST.software].map(software), r[HOST.ports].map((p) => `${p[0]} ${p[1]}`), r[HOST.findings].map((i) => [data.findings[i][FINDING.id], data.findings[i][FINDING.title]])]);
  const domains = new Table("domains", data.domains, DOMAIN.severity, [
    { value: (r) => r[DOMAIN.severity], cell: (r) => badge(r[DOMAIN.severity]), down: true },
    { value: (r) => r[DOMAIN.name], cell: (r) => link(r[DOMAIN.name], () => openDomain(r)) },
    { value: (r) => r[DOMAIN.status], cell: (r) => el("span", { class: "whole" }, r[DOMAIN.status]) },
    { value: (r) => r[DOMAIN.mx].join(", "), cell: (r) => [r[DOMAIN.mx].slice(0, 4).map((mx) => el("div", null, mx)), r[DOMAIN.mx].length > 4 ? "…" : ""] },
    { value: (r) => r[DOMAIN.published].map((p) => p[0]).join(" "), cell: (r) => r[DOMAIN.published].map(([text, kind]) => mark(text, kind)) },
    { value: (r) => r[DOMAIN.hosts].length, cell: (r) => r[DOMAIN.hosts].length, down: true },
  ], (r) => [r[DOMAIN.name], r[DOMAIN.status], r[DOMAIN.mx], r[DOMAIN.published].map((p) => p[0]), r[DOMAIN.findings].map((f) => [f[0], entry(f[0])[0]])]);
  new Table("findings", data.findings, FINDING.severity, [
    { value: (r) => r[FINDING.severity], cell: (r) => badge(r[FINDING.severity]), down: true },
    { value: (r) => r[FINDING.title], cell: (r) => link(r[FINDING.title], () => openFinding(r)) },
    { value: (r) => r[FINDING.hosts], cell: (r) => r[FINDING.hosts], down: true },
    { value: (r) => r[FINDING.domains], cell: (r) => r[FINDING.domains], down: true },
  ], (r) => [r[FINDING.title], r[FINDING.id]]);
  new Table("software", data.software, SOFTWARE.severity, [
    { value: (r) => r[SOFTWARE.severity], cell: (r) => badge(r[SOFTWARE.severity]), down: true },
    { value: (r) => r[SOFTWARE.product], cell: (r) => link(r[SOFTWARE.product], () => { const i = data.software.indexOf(r); hosts.only(software(i), (h) => h[HOST.software].includes(i)); }) },
    { value: (r) => r[SOFTWARE.version], cell: (r) => r[SOFTWARE.version] },
    { value: (r) => r[SOFTWARE.support], cell: (r) => SUPPORT[r[SOFTWARE.support]], down: true },
    { value: (r) => r[SOFTWARE.endpoints], cell: (r) => r[SOFTWARE.endpoints], down: true },
  ], (r) => [r[SOFTWARE.product], r[SOFTWARE.version], SUPPORT[r[SOFTWARE.support]]]);

  const panel = $("panel");
  function show(address, title, subtitle, ...content) {
    $("panel-body").replaceChildren(
      el("div", { class: "panel-head" }, el("div", null, el("h2", { id: "panel-title" }, title), el("p", { class: "note" }, subtitle)),
        el("button", { type: "button", onclick: () => panel.close() }, "Close")),
      el("div", { class: "panel-content" }, ...content));
    if (!panel.open) panel.showModal();
    panel.scrollTop = 0;
    history.replaceState(null, "", `#${address}`);
  }
  panel.addEventListener("close", () => history.replaceState(null, "", location.pathname + location.search));
  panel.addEventListener("click", (event) => { if (event.target === panel) panel.close(); });

  const domainLinks = (names) => names.slice(0, 100).map((name, i) => {
    const row = data.domains.find((d) => d[DOMAIN.name] === name);
    return [i ? ", " : "", row ? link(name, () => openDomain(row)) : name];
  });

  async function openHost(row) {
    const services = await Promise.all(row[HOST.ports].map(([, , , chunk, index]) => details(chunk, index)));
    show(`host=${encodeURIComponent(row[HOST.label])}`, row[HOST.label], row[HOST.names].join(", "),
      row[HOST.domains].length ? el("p", null, `Serves ${plural(row[HOST.domains].length, "domain")}: `, domainLinks(row[HOST.domains])) : [],
      services.map(service));
  }

  const talk = (lines) => el("div", { class: "talk" }, lines.map(([who, text]) => el("div", { class: who }, { client: "C: ", server: "S: ", note: "" }[who] + text)));

  function service(s) {
    return el("section", { class: "card" }, el("h3", null, s.title, " ", el("span", { class: `port ${s.answered ? "good" : "mute"}` }, s.status)), facts(s.facts),
      s.findings.map((f) => finding(f.id, SEVERITIES.indexOf(f.severity), f.evidence, f.advisories)),
      s.talk ? el("details", { open: "open" }, el("summary", null, "Transcript"), talk(s.talk)) : [],
      s.checks ? el("details", { open: "open" }, el("summary", null, "Active checks"), s.checks.map((c) => [el("h4", null, c.name), c.talk.length ? talk(c.talk) : [], c.error ? el("p", { class: "seen" }, c.error) : []])) : [],
      s.tls ? el("details", null, el("summary", null, "TLS and certificate"), facts(s.tls)) : [],
      s.evidence ? el("details", null, el("summary", null, "Why this software"), facts(s.evidence)) : []);
  }

  async function openDomain(row) {
    const { published } = await details(row[DOMAIN.chunk], row[DOMAIN.index]);
    show(`domain=${encodeURIComponent(row[DOMAIN.name])}`, row[DOMAIN.name], `${row[DOMAIN.status]}${row[DOMAIN.error] ? `: ${row[DOMAIN.error]}` : ""}`,
      el("section", { class: "card" }, el("h3", null, "Mail exchangers"), row[DOMAIN.mx].length ? el("ul", null, row[DOMAIN.mx].map((mx) => el("li", null, mx))) : el("p", null, "none")),
      row[DOMAIN.findings].length ? el("section", { class: "card" }, el("h3", null, "Findings about the domain"), row[DOMAIN.findings].map(([id, severity, evidence]) => finding(id, severity, evidence))) : [],
      published.length ? el("section", { class: "card" }, el("h3", null, "Published records"), el("dl", { class: "records" }, published.map(([name, text]) => [el("dt", null, name), text.split("\n").map((line) => el("dd", null, line))]))) : [],
      el("section", { class: "card" }, el("h3", null, "Hosts"), row[DOMAIN.hosts].length ? el("ul", null, row[DOMAIN.hosts].map((i) => el("li", null, badge(data.hosts[i][HOST.severity]), " ", link(data.hosts[i][HOST.label], () => openHost(data.hosts[i])), ` ${data.hosts[i][HOST.names].join(", ")}`))) : el("p", null, "none was found")));
  }

  function openFinding(row) {
    const i = data.findings.indexOf(row), id = row[FINDING.id];
    const [title, why, remedy, rule, cwe, ...references] = entry(id);
    const at = data.hosts.filter((h) => h[HOST.findings].includes(i)), of = data.domains.filter((d) => d[DOMAIN.findings].some((f) => f[0] === id));
    const filter = (table, test) => link("show them in the table", () => { panel.close(); table.only(title, test); });
    show(`finding=${id}`, title, [id, cwe].filter(Boolean).join(" · "),
      el("section", { class: "card" }, el("p", null, badge(row[FINDING.severity])), el("p", null, why), el("p", null, el("strong", null, "What to do: "), remedy),
        el("p", { class: "note" }, `When it is reported: ${rule}`), el("p", { class: "note" }, references.map((r, n) => [n ? " · " : "", reference(r)]))),
      row[FINDING.fleet].length ? el("section", { class: "card" }, el("h3", null, "Across the fleet"), row[FINDING.fleet].map((text) => el("p", { class: "seen" }, text))) : [],
      at.length ? el("section", { class: "card" }, el("h3", null, plural(at.length, "host")), el("p", null, filter(hosts, (h) => h[HOST.findings].includes(i))),
        el("ul", null, at.slice(0, 200).map((h) => el("li", null, link(h[HOST.label], () => openHost(h)), ` ${h[HOST.names].join(", ")}`)))) : [],
      of.length ? el("section", { class: "card" }, el("h3", null, plural(of.length, "domain")), el("p", null, filter(domains, (d) => d[DOMAIN.findings].some((f) => f[0] === id))),
        el("ul", null, of.slice(0, 200).map((d) => el("li", null, link(d[DOMAIN.name], () => openDomain(d)))))) : []);
  }

  for (const button of document.querySelectorAll("[data-finding]")) {
    const row = data.findings.find((f) => f[FINDING.id] === button.dataset.finding);
    button.hidden = !row;
    button.addEventListener("click", () => openFinding(row));
  }

  const days = Math.floor((Date.now() - Date.parse($("age").dataset.seen)) / 864e5);
  if (days > OLD) {
    $("age").textContent = `The scan is ${days} days old. Servers may have changed since: scan again before acting on this page.`;
    $("age").hidden = false;
  }

  // A link to a panel opens it.
  document.documentElement.dataset.ready = "yes";
  const [kind, name] = decodeURIComponent(location.hash.slice(1)).split("=");
  const find = { host: [data.hosts, openHost], domain: [data.domains, openDomain], finding: [data.findings, openFinding] }[kind];
  const row = find && find[0].find((r) => r[0] === name);
  if (row) find[1](row);
}

main();
