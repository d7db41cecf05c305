// A real Chromium that does as it is told: see Attestmdm::Browser.
'use strict';
const fs = require('fs');
const { chromium } = require('playwright-core');
const { serve } = require('./commands.js');

const axe = fs.readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');
const SECONDS = 20;

let browser, context, page;
let pages = [];
let problems = [], loaded = {};

// Everything that a developer would see in the console, or as an issue.
async function watch(page) {
	page.on('console', (m) => {
		if (['error', 'warning', 'assert'].includes(m.type()))
			problems.push(`${m.type()}: ${m.text()}`);
	});
	page.on('pageerror', (e) => problems.push(`error: ${e.message}`));
	page.on('requestfailed', (r) => {
		// (a download ends the navigation)
		if (r.failure().errorText !== 'net::ERR_ABORTED')
			problems.push(`${r.url()}: ${r.failure().errorText}`);
	});
	page.on('response', async (r) => {
		const type = r.request().resourceType();
		if (['document', 'stylesheet', 'script', 'image', 'font'].includes(type))
			loaded[r.url()] = (await r.body().catch(() => '')).length;
	});
	const cdp = await context.newCDPSession(page);
	cdp.on('Audits.issueAdded', ({ issue }) => problems.push(
	    `${issue.code}: ${JSON.stringify(issue.details)}`));
	await cdp.send('Audits.enable');
}

const commands = {
	async start({ program, hosts, args }) {
		browser = await chromium.launch({
			executablePath: program,
			args: [`--host-resolver-rules=${hosts}`, ...args],
			timeout: SECONDS * 1000,
		});
		return { version: browser.version() };
	},

	// A window with cookies of its own; the one before is closed.
	async window({ width, height }) {
		if (context)
			await context.close();
		context = await browser.newContext({
			ignoreHTTPSErrors: true,
			acceptDownloads: true,
			viewport: { width, height },
		});
		context.setDefaultTimeout(SECONDS * 1000);
		problems = [];
		pages = [];
		await commands.tab();
	},

	// Another page of the same window; the first has the number 0.
	async tab() {
		page = await context.newPage();
		pages.push(page);
		await watch(page);
	},
	async use({ number }) { page = pages[number]; },

	async go({ url, headers }) {
		loaded = {};
		await context.setExtraHTTPHeaders(headers || {});
		let answer;
		try {
			answer = await page.goto(url, { waitUntil: 'load' });
		} finally {
			await context.setExtraHTTPHeaders({});
		}
		return { status: answer.status(), url: page.url() };
	},

	// What follows a click is a page, or a file.
	async follow({ selector }) {
		loaded = {};
		const [answer] = await Promise.all([
			page.waitForNavigation({ waitUntil: 'load' }),
			page.click(selector),
		]);
		return { status: answer && answer.status(), url: page.url() };
	},

	async download({ selector }) {
		const [file] = await Promise.all([
			page.waitForEvent('download'), page.click(selector)]);
		return {
			name: file.suggestedFilename(),
			text: fs.readFileSync(await file.path(), 'utf8'),
		};
	},

	async click({ selector }) { await page.click(selector); },
	async fill({ selector, text }) { await page.fill(selector, text); },
	async choose({ selector, value }) { await page.selectOption(selector, { value }, { timeout: 3000 }); },
	async press({ keys }) { for (const key of keys) await page.keyboard.press(key); },

	async key_follow({ key }) {
		await Promise.all([page.waitForNavigation({ waitUntil: 'load' }), page.keyboard.press(key)]);
		return { url: page.url() };
	},

	async texts({ selector }) { return page.locator(selector).allInnerTexts(); },

	async states({ selector }) {
		return page.locator(selector).evaluateAll((all) => all.map((e) => ({
			checked: Boolean(e.checked),
			disabled: e.matches(':disabled'),
			visible: e.checkVisibility({ visibilityProperty: true }),
			href: e.getAttribute('href'),
			value: e.value ?? null,
		})));
	},

	async page() {
		return {
			title: await page.title(),
			url: page.url(),
			text: await page.innerText('body'),
			loaded,
			overflow: await page.evaluate(() => document.scrollingElement.scrollWidth - innerWidth),
		};
	},

	async look({ width, height, scheme, forced }) {
		await page.setViewportSize({ width, height });
		await page.emulateMedia({
			colorScheme: scheme,
			forcedColors: forced ? 'active' : 'none',
			reducedMotion: 'reduce',
		});
	},

	// Every rule of axe, the ones of good practice, too.
	async axe() {
		if (!await page.evaluate(() => 'axe' in globalThis))
			await page.evaluate(axe);
		const found = await page.evaluate(() => axe.run(document, { resultTypes: ['violations'] }));
		return found.violations.map((v) => `${v.id}: ${v.help}: ` +
		    v.nodes.slice(0, 3).map((n) => n.target.join(' ')).join(', '));
	},

	async shot({ file, whole }) {
		await page.screenshot({ path: file, fullPage: whole, animations: 'disabled' });
	},

	// Goes through the page by Tab alone. Returns what can be used and was not
	// reached, and what was focused and does not show it.
	async keyboard() {
		await page.evaluate(() => {
			const usable = ':is(a[href], button, input:not([type=hidden]), select, textarea, summary, ' +
			    '[tabindex]):not([tabindex="-1"])';
			const said = (e) => e.outerHTML.replace(/>[^]*/, '>').slice(0, 120);
			const shown = (e) => {
				const s = getComputedStyle(e);
				return [s.outlineStyle, s.outlineWidth, s.outlineColor, s.boxShadow, s.borderColor].join(' ');
			};
			const all = [...document.querySelectorAll(usable)].filter((e) => !e.matches(':disabled') &&
			    e.checkVisibility({ visibilityProperty: true }));
			// Tab begins at the top again.
			const top = document.createElement('span');
			top.tabIndex = -1;
			document.body.prepend(top);
			top.focus();
			top.remove();
			globalThis.walk = {
				before: new Map(all.map((e) => [e, shown(e)])),
				left: new Set(all.filter((e) => e.type !== 'radio' || e.checked)),
				unseen: [],
				order: [],
				step() {
					const e = document.activeElement;
					// (a date is several stops)
					if (e === this.order.at(-1))
						return true;
					if (e === document.body || this.order.includes(e))
						return false;
					this.order.push(e);
					this.left.delete(e);
					const box = e.getBoundingClientRect();
					if (this.before.get(e) === shown(e) || box.width < 1 || box.right < 0 || box.bottom < 0)
						this.unseen.push(said(e));
					return true;
				},
				result() { return { unreached: [...this.left].map(said), unseen: this.unseen, stops: this.order.length }; },
			};
		});
		for (let i = 0; i < 400; i++) {
			await page.keyboard.press('Tab');
			if (!await page.evaluate(() => walk.step()))
				break;
		}
		return page.evaluate(() => walk.result());
	},

	async problems() {
		const all = problems;
		problems = [];
		return all;
	},
};

serve(commands, () => browser && browser.close());
