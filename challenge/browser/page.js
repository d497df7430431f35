// The page: solve, send the answers, check that the cookie was kept, go on.
const at = (id) => document.getElementById(id);
const bar = at("bar"), said = at("say"), button = at("on");

// Whether this page solves in a hidden frame for solve.js, which is told and goes on. In
// any other frame, such as a bank's, the page goes on by itself.
const framed = parent !== window && location.pathname === challengePath;

// How often in a row the page has gone on and is here again, at the same path. sessionStorage throws where
// cookies are forbidden.
let rounds = 0;
try {
	const [n, left, path] = sessionStorage.theriac.split(" ");
	if (path === location.pathname && Date.now() - left < 15000) rounds = +n;
} catch (e) {}

// A callback that belongs to an older run than this one was cancelled.
let run = 0, workers = [], timers = [], spoken = 0, halted, workerURL;

// say shows one of the page's texts. Screen readers announce at most two on the way,
// and the last one.
function say(what, last, seconds) {
	said.setAttribute("aria-live", last || ++spoken < 3 ? "polite" : "off");
	said.textContent = said.dataset[what].replace("{n}", seconds);
}

// halt ends the work, and whatever waits for a time.
function halt() {
	halted = true;
	for (const worker of workers.splice(0)) worker.terminate();
	for (const timer of timers.splice(0)) clearTimeout(timer);
}

function stop() {
	run++;
	halt();
	URL.revokeObjectURL(workerURL);
	said.hidden = false;
}

// solve resolves to the answers to a challenge, as bytes. Every worker, and this
// page if it has to help, takes the open sub-puzzle that fewest others work on, and
// starts at a nonce of its own. So a worker that dies costs nothing, and all share
// the last sub-puzzles.
function solve(challenge) {
	return new Promise((done) => {
		const parts = challenge[0] >>> 8 & 255, threshold = challenge[1] >>> 0;
		const answers = new DataView(new ArrayBuffer(parts * 4));
		const open = [...Array(parts).keys()], takers = Array(parts).fill(0);
		bar.max = parts;
		bar.value = 0;
		halted = false;

		const next = () => {
			const i = open.reduce((best, i) => takers[i] < takers[best] ? i : best);
			return [challenge, i, 2 ** 27 * (takers[i]++ % 8), threshold];
		};
		const found = (i, nonce) => {
			const at = open.indexOf(i);
			if (at < 0) return;
			open.splice(at, 1);
			answers.setUint32(4 * i, nonce);
			bar.value = parts - open.length;
			if (!open.length) done(answers);
		};

		// Slices of 12 ms keep the page responsive. Browsers throttle timers in
		// background tabs, but not messages.
		let here = false;
		const current = run;
		const workHere = () => {
			if (here) return;
			here = true;
			let i, nonce, search;
			const { port1, port2 } = new MessageChannel();
			port1.onmessage = () => {
				if (halted || current !== run || !open.length) return port1.close();
				const until = performance.now() + 12;
				do {
					if (!open.includes(i)) {
						[, i, nonce] = next();
						search = rolled(challenge, i, threshold);
					}
					const hit = search(nonce, nonce += 500);
					if (hit >= 0) found(i, hit);
				} while (open.length && performance.now() < until);
				port2.postMessage(0);
			};
			port2.postMessage(0);
		};

		let alive = false;
		workerURL = URL.createObjectURL(new Blob([unrolled()], { type: "text/javascript" }));
		for (let n = Math.min(navigator.hardwareConcurrency || 2, 4); n > 0; n--) {
			try {
				const worker = new Worker(workerURL);
				worker.onerror = workHere;
				worker.onmessage = ({ data }) => {
					alive = true;
					if (data) found(...data);
					if (open.length) worker.postMessage(next());
				};
				workers.push(worker);
			} catch (e) {
				workHere();
			}
		}
		timers.push(setTimeout(() => alive || workHere(), 1000));
	});
}

function decode(token) {
	const raw = atob(token.replace(/-/g, "+").replace(/_/g, "/")), words = [];
	if (raw.length !== 44) throw token;
	for (let n = 0; n < 44; n++) words[n >> 2] = words[n >> 2] << 8 | raw.charCodeAt(n);
	return words;
}

function encode(view) {
	return btoa(String.fromCharCode(...new Uint8Array(view.buffer))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=/g, "");
}

const sleep = (seconds) => new Promise((done) => timers.push(setTimeout(done, 1000 * seconds)));

// ask fetches, and tries three times if the network fails. With "include" browsers also say
// whether they refuse the cookies of a frame; all of it is on this host.
async function ask(path, options) {
	for (let tries = 0; ; tries++) {
		try {
			return await fetch(path, { cache: "no-store", credentials: "include", ...options });
		} catch (e) {
			if (tries > 1) throw e;
			await sleep(2);
		}
	}
}

// purge removes this page from the caches of a service worker that keeps whatever it gets,
// and reports whether it was there. What the shop has stored stays. After a round in vain it
// looks at all addresses.
async function purge() {
	let found = false;
	try {
		if (!navigator.serviceWorker.controller) return found;
		for (const name of await caches.keys()) {
			const cache = await caches.open(name), as = { ignoreSearch: true, ignoreVary: true };
			for (const request of await (rounds ? cache.keys() : cache.keys(location.href, as))) {
				const kept = await cache.match(request, { ignoreVary: true });
				if (kept && kept.headers.has("x-theriac-challenge")) found = await cache.delete(request, { ignoreVary: true }) || found;
			}
		}
	} catch (e) {} // no caches over plain HTTP, but no workers, either
	return found;
}

// slow resolves when working takes as long as waiting does. If a tenth of that time is gone
// and not two of the 32 sub-puzzles are solved, as without a just-in-time compiler, the page
// stops working and only waits. Two seconds are for workers that are slow to start.
async function slow(seconds) {
	const look = Math.max(2, seconds / 10), rest = Math.max(0, seconds - look);
	await sleep(look);
	if (bar.value < 2) {
		halt();
		say("timed", false, Math.ceil(rest));
	}
	await sleep(rest);
}

// start works until there is a pass. An expired token is renewed silently, three
// times; a subnet over its limit waits, five times.
async function start(token) {
	stop();
	const current = run, forever = new Promise(() => {});
	const still = async (promise) => {
		const value = await promise;
		return current === run ? value : forever;
	};
	let renewals = 0, waits = 0, { delay } = said.dataset;
	const turn = async (options) => {
		for (;;) {
			const answer = await still(ask(challengePath, options));
			if (answer.status !== 429 || waits++ >= 5) return answer;
			const { retry_after } = await still(answer.json());
			const seconds = Math.min(Math.max(Math.ceil(retry_after) || 5, 2), 300);
			halt();
			say("capped", false, seconds);
			await still(sleep(seconds));
		}
	};
	const fresh = async () => {
		({ token, wait: delay = delay } = await still((await turn({ headers: { accept: "application/json" } })).json()));
	};
	spoken = 0;
	button.hidden = true;
	at("bars").hidden = false;
	timers = [setTimeout(say, 1000, "start"), setTimeout(say, 3000, "slow")];
	try {
		// A stored page is older than its puzzle is good for.
		if (await still(purge()) || !token) await fresh();
		for (;; await fresh()) {
			const began = performance.now();
			const answers = await still(Promise.race([solve(decode(token)), slow(delay)]));
			halt();
			const { status, type } = answers
				? await turn({ method: "POST", body: token + "." + encode(answers) + "." + Math.round(performance.now() - began) })
				: await still(ask(waitPath + "?t=" + token, { redirect: "manual" }));
			if (status === 204 || type === "opaqueredirect") break;
			if (answers && status !== 409 || renewals++ >= 3) throw status;
		}
		const { status } = await still(ask(passPath));
		if (status === 403) return refuse();
		if (status !== 204) throw status;
		stop();
		say("done", true);
		if (framed) parent.postMessage("theriac", location.origin);
		else leave();
	} catch (e) {
		if (current === run) fail();
	}
}

// refuse says that nothing works without cookies, and stops there: a reload would
// start over, for ever.
function refuse() {
	stop();
	at("work").hidden = said.hidden = true;
	at("cookies").hidden = false;
	at("cookies").firstElementChild.focus();
	if (framed) parent.postMessage("theriac failed", location.origin);
}

// fail offers to try again, and the way of browsers without scripts. That one goes on by
// itself, unless it has led here three times, or a form would be lost.
function fail() {
	stop();
	if (document.readyState === "loading") return addEventListener("DOMContentLoaded", fail);
	say("failed", true);
	button.hidden = false;
	if (framed) return parent.postMessage("theriac failed", location.origin);
	const late = at("late"), link = late && late.content.querySelector("a");
	if (!link) return;
	if (rounds > 2 || link.search.endsWith("=")) late.content.querySelector("meta").remove();
	else count(said.dataset.delay);
	late.content.querySelector("p").remove();
	button.parentNode.after(late.content);
}

// count notes one more round, which may take some seconds.
function count(seconds) {
	try {
		sessionStorage.theriac = [rounds + 1, Date.now() + 1000 * seconds, location.pathname].join(" ");
	} catch (e) {}
}

// send sends a small form again, which a reload does only after a question in browsers other
// than Chromium. A field may be called "submit".
//
// A form of another site, which begins with "&", must remain one, or it would have cookies
// that the first one had not: a document without an origin sends it. On top that is a frame,
// which may not take the place of a page that is framed itself; that page becomes it, and is
// still here if a policy of the page around it forbids that.
function send(body) {
	const form = document.createElement("form");
	form.method = "post";
	form.action = location.href;
	for (const [name, value] of new URLSearchParams(body)) {
		const field = document.createElement("input");
		field.type = "hidden";
		field.name = name;
		field.setAttribute("value", value);
		form.append(field);
	}
	if (body[0] === "&") {
		form.target = parent === window ? "_top" : "_self";
		const html = form.outerHTML + "<script>" + submit + "</script>";
		if (parent !== window) {
			location.replace("data:text/html;charset=utf-8," + encodeURIComponent(html));
			return setTimeout(() => location.reload(), 1000);
		}
		const frame = document.createElement("iframe");
		frame.hidden = true;
		frame.sandbox = "allow-forms allow-scripts allow-top-navigation";
		frame.srcdoc = html;
		return document.body.append(frame);
	}
	document.body.append(form);
	HTMLFormElement.prototype.submit.call(form);
}

// leave goes on to where the visitor wanted to go. A reload sends a form again, byte
// for byte; if the browser asks about that and the visitor declines, the button
// stays. A reload also makes a form of another site one of ours. In a frame that gives it no
// cookies that count: the page on top is the shop's, or browsers keep them anyway.
async function leave() {
	const { form } = said.dataset, foreign = form[0] === "&" && parent === window;
	count(0);
	await Promise.race([purge(), sleep(1)]);
	setTimeout(() => button.hidden = false, 2000);
	if (location.pathname === challengePath) location.replace("/");
	else if (form.length > 1 && (foreign || !/Chrome\//.test(navigator.userAgent))) send(form);
	else if (foreign) location.replace(waitPath + "?to=");
	else location.reload();
}

button.onclick = leave;
addEventListener("pagehide", stop);
addEventListener("pageshow", (event) => event.persisted && start());

// What follows this script in the page is for browsers that do not run it, or do not know
// its language. Here it becomes a template, of which nothing is shown or loaded.
try {
	document.write("<template id=late>");
} catch (e) {} // forbidden by a policy of trusted types: then the faster way wins
if (rounds > 2) fail();
else start(said.dataset.token);
