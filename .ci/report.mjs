// Opens a report in Chromium and uses it as a reader would: sorts, filters,
// opens a host's panel, follows it from the keyboard. Any message on the
// console, any request beyond the file itself and any serious violation that
// axe finds is a failure.
//
// usage: node report.mjs CHROMIUM REPORT.html [DIFF.html [LARGE.html]]
import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";

const require = createRequire(`${process.cwd()}/`);
const { chromium } = require("playwright-core");
const axe = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");

const [executablePath, report, difference, large] = process.argv.slice(2);
const browser = await launch(8);

// launch tries again where Chromium itself crashes at its start, as it does now
// and then on some machines, before it has seen a page.
async function launch(attempts) {
  try {
    return await chromium.launch({
      executablePath,
      args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
    });
  } catch (error) {
    if (attempts <= 1) throw error;
    console.log(`Chromium did not start, trying again: ${error.message.split("\n")[0]}`);
    return launch(attempts - 1);
  }
}

// open opens a page and collects what must not happen.
async function open(file, options = {}) {
  const context = await browser.newContext(options);
  const page = await context.newPage();
  const wrong = [];
  page.on("console", (message) => wrong.push(`console: ${message.text()}`));
  page.on("pageerror", (error) => wrong.push(`error: ${error.message}`));
  page.on("dialog", (dialog) => wrong.push(`dialog: ${dialog.message()}`));
  page.on("request", (request) => { if (!/^(file|data):/.test(request.url())) wrong.push(`request: ${request.url()}`); });
  const begun = Date.now();
  await page.goto(pathToFileURL(resolve(file)).href);
  if (options.javaScriptEnabled !== false) await page.waitForSelector("html[data-ready]");
  return { page, wrong, ms: Date.now() - begun };
}

async function accessible(page, what) {
  // A page's policy holds for scripts of the page, not for those of a debugger.
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() => window.axe.run(document, { resultTypes: ["violations"] }));
  const serious = violations.filter((v) => v.impact === "serious" || v.impact === "critical");
  assert.deepEqual(serious.map((v) => `${v.id}: ${v.nodes.map((n) => n.target).join(" ")}`), [], `${what}: axe`);
}

const cells = (page, column) => page.locator(`[data-table=hosts] tbody tr td:nth-child(${column})`).allInnerTexts();

{
  const { page, wrong, ms } = await open(report, { viewport: { width: 1280, height: 900 } });
  console.log(`ready after ${ms} ms`);
  await accessible(page, "report");

  const heads = page.locator("[data-table=hosts] thead th");
  await heads.nth(1).locator("button").click();
  assert.equal(await heads.nth(1).getAttribute("aria-sort"), "ascending");
  const up = await cells(page, 2);
  await heads.nth(1).locator("button").click();
  assert.equal(await heads.nth(1).getAttribute("aria-sort"), "descending");
  assert.notDeepEqual(await cells(page, 2), up, "sorting the other way round changed nothing");

  const all = await page.locator("[data-table=hosts] tbody tr").count();
  const wanted = (await cells(page, 2))[0].split(/\s/)[0];
  await page.locator("[data-controls=hosts] input").fill(wanted);
  await page.waitForFunction((n) => document.querySelectorAll("[data-table=hosts] tbody tr").length < n, all);
  assert.ok((await cells(page, 2))[0].includes(wanted));
  await page.locator("[data-controls=hosts] input").fill("no host is called this");
  await page.waitForFunction(() => document.querySelectorAll("[data-table=hosts] tbody tr").length === 0);
  await page.locator("[data-controls=hosts] input").fill("");
  await page.waitForFunction((n) => document.querySelectorAll("[data-table=hosts] tbody tr").length === n, all);

  // The panel opens from the keyboard, and gives the focus back.
  await heads.nth(0).locator("button").click();
  const host = page.locator("[data-table=hosts] tbody button").first();
  await host.focus();
  await page.keyboard.press("Enter");
  await page.waitForSelector("dialog[open] .talk .server");
  assert.match(await page.locator("dialog .talk").first().innerText(), /S: /);
  await page.locator("dialog details.finding summary").first().click();
  await accessible(page, "panel");
  const address = page.url();
  await page.keyboard.press("Escape");
  await page.waitForSelector("dialog:not([open])", { state: "attached" });
  assert.ok(await host.evaluate((node) => node === document.activeElement), "the focus is lost");

  // The findings filter by words and by severity.
  const findings = page.locator("[data-table=findings] tbody tr"), kinds = await findings.count();
  await page.locator("[data-controls=findings] input").fill("certificate");
  await page.waitForFunction((n) => document.querySelectorAll("[data-table=findings] tbody tr").length < n, kinds);
  assert.ok((await findings.allInnerTexts()).every((text) => /certificate/i.test(text)));
  await page.locator("[data-controls=findings] input").fill("");
  await page.waitForFunction((n) => document.querySelectorAll("[data-table=findings] tbody tr").length === n, kinds);
  await page.locator("[data-controls=findings] select").selectOption("3");
  assert.ok((await findings.locator(".badge").allInnerTexts()).every((text) => ["critical", "high", "medium"].includes(text)));
  assert.ok(await findings.count() < kinds);
  await page.locator("[data-controls=findings] select").selectOption("0");

  // A domain's panel has what it publishes.
  await page.locator("[data-table=domains] tbody button").first().click();
  await page.waitForSelector("dialog[open] .records dd");
  await accessible(page, "panel of a domain");
  await page.keyboard.press("Escape");

  // A finding leads to its hosts.
  await page.locator("[data-table=findings] tbody button").first().click();
  await page.waitForSelector("dialog[open]");
  await page.locator("dialog button", { hasText: "show them in the table" }).first().click();
  await page.waitForSelector(".facet");

  // The address of a panel opens it.
  const again = await open(report);
  await again.page.goto(address);
  await again.page.reload();
  await again.page.waitForSelector("dialog[open] .talk");
  assert.deepEqual([...wrong, ...again.wrong], []);
}

for (const colorScheme of ["light", "dark"]) {
  for (const width of [390, 1280]) {
    for (const file of [report, difference].filter(Boolean)) {
      const { page, wrong } = await open(file, { colorScheme, viewport: { width, height: 800 } });
      await accessible(page, `${file}, ${colorScheme}, ${width}`);
      const overflow = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
      assert.ok(overflow <= 0, `${file}: ${overflow} pixels too wide at ${width}`);
      for (const host of await page.locator("[data-table=hosts] tbody td:nth-child(2) button").all()) {
        await host.click();
        await page.waitForSelector("dialog[open] .talk, dialog[open] .facts");
        const over = await page.evaluate(() => { const d = document.querySelector("dialog"); return d.scrollWidth - d.clientWidth; });
        assert.ok(over <= 0, `${file}: a panel is ${over} pixels too wide at ${width}`);
        await page.keyboard.press("Escape");
      }
      assert.deepEqual(wrong, []);
    }
  }
}

// The page of differences filters its changes.
if (difference) {
  const { page, wrong } = await open(difference);
  const changes = page.locator(".change:visible"), all = await changes.count();
  assert.ok(all > 1, "the difference has nothing to filter");
  await page.locator("#controls input").fill("no host is called this");
  await page.waitForFunction(() => document.querySelectorAll(".change:not([hidden])").length === 0);
  const name = (await page.locator(".change h3").first().textContent()).trim().split(/\s+/)[1];
  await page.locator("#controls input").fill(name);
  await page.waitForFunction(() => document.querySelectorAll(".change:not([hidden])").length > 0);
  assert.ok(await changes.count() < all && (await changes.allInnerTexts()).every((text) => text.toLowerCase().includes(name)));
  assert.deepEqual(wrong, []);
}

// A large fleet: what the machine needs is told, and decides nothing.
if (large) {
  const { page, wrong, ms } = await open(large, { viewport: { width: 390, height: 800 } });
  const sorted = await page.evaluate(() => {
    const begun = performance.now();
    document.querySelectorAll("[data-table=hosts] thead button")[1].click();
    return Math.round(performance.now() - begun);
  });
  console.log(`large report: ready after ${ms} ms, sorted in ${sorted} ms`);
  assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), "the large report overflows a phone");
  assert.deepEqual(wrong, []);
}

// Without JavaScript the figures, the charts and the first rows are there.
{
  const { page } = await open(report, { javaScriptEnabled: false });
  for (const part of [".tile", ".chart svg rect", "[data-table=hosts] tbody tr", "noscript p"]) {
    assert.ok(await page.locator(part).first().isVisible(), `${part} is not there without JavaScript`);
  }
}

await browser.close();
console.log("reports: all well");
