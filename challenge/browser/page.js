// The page: solve, hand in the answers, see that the pass has arrived, go on.
const at = (id) => document.getElementById(id);
const bar = at("bar"), said = at("say"), button = at("on");
const framed = parent !== window;

// Whoever wakes up in an older run than this one has been stopped.
let run = 0, hands = [], timers = [], spoken = 0, sheet;

// say shows a text of the page. Screen readers hear at most two on the way, and
// the last one.
function say(what, last, seconds) {
	said.setAttribute("aria-live", last || ++spoken < 3 ? "polite" : "off");
	said.textContent = said.dataset[what].replace("{n}", seconds);
}

function stop() {
	run++;
	for (const hand of hands) hand.terminate();
	for (const timer of timers) clearTimeout(timer);
	hands = [];
	timers = [];
	URL.revokeObjectURL(sheet);
}

// solve promises the answers to a challenge, as bytes. All hands, workers or
// this page, do the same: each takes the open sub-puzzle that fewest are at, and
// begins where no other does. So nothing is lost with a hand that stays away,
// and the last sub-puzzles are shared.
function solve(words) {
	return new Promise((done) => {
		const parts = words[0] >>> 8 & 255, threshold = words[1] >>> 0;
		const answers = new DataView(new ArrayBuffer(parts * 4));
		const open = [...Array(parts).keys()], takers = Array(parts).fill(0);
		bar.max = parts;
		bar.value = 0;

		const next = () => {
			const i = open.reduce((best, i) => takers[i] < takers[best] ? i : best);
			return [words, i, 2 ** 27 * (takers[i]++ % 8), threshold];
		};
		const found = (i, nonce) => {
			const place = open.indexOf(i);
			if (place < 0) return;
			open.splice(place, 1);
			answers.setUint32(4 * i, nonce);
			bar.value = parts - open.length;
			if (!open.length) done(answers);
		};

		// Slices of 12 ms leave the page alive. A message is not held back in
		// a tab that nobody sees, as a timer would be.
		let here = false;
		const mine = run;
		const workHere = () => {
			if (here) return;
			here = true;
			let i, nonce, search;
			const { port1, port2 } = new MessageChannel();
			port1.onmessage = () => {
				if (mine !== run || !open.length) return port1.close();
				const until = performance.now() + 12;
				do {
					if (!open.includes(i)) {
						[, i, nonce] = next();
						search = rolled(words, i, threshold);
					}
					const hit = search(nonce, nonce += 500);
					if (hit >= 0) found(i, hit);
				} while (open.length && performance.now() < until);
				port2.postMessage(0);
			};
			port2.postMessage(0);
		};

		let alive = false;
		sheet = URL.createObjectURL(new Blob([unrolled()], { type: "text/javascript" }));
		for (let n = Math.min(navigator.hardwareConcurrency || 2, 4); n > 0; n--) {
			try {
				const hand = new Worker(sheet);
				hand.onerror = workHere;
				hand.onmessage = ({ data }) => {
					alive = true;
					if (data) found(...data);
					if (open.length) hand.postMessage(next());
				};
				hands.push(hand);
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

// ask fetches; a network that is away for a moment is asked three times.
async function ask(path, options) {
	for (let tries = 0; ; tries++) {
		try {
			return await fetch(path, { cache: "no-store", credentials: "same-origin", ...options });
		} catch (e) {
			if (tries > 1) throw e;
			await sleep(2);
		}
	}
}

// start works until there is a pass. A token that came too late is renewed
// silently, three times; a crowded network waits its turn, five times.
async function start(token) {
	stop();
	const mine = run, forever = new Promise(() => {});
	const still = async (promise) => {
		const value = await promise;
		return mine === run ? value : forever;
	};
	let renewals = 0, waits = 0;
	const turn = async (options) => {
		for (;;) {
			const answer = await still(ask(challengePath, options));
			if (answer.status !== 429 || waits++ >= 5) return answer;
			const { retry_after } = await still(answer.json());
			const seconds = Math.min(Math.max(Math.ceil(retry_after) || 5, 2), 300);
			for (const timer of timers) clearTimeout(timer);
			say("capped", false, seconds);
			await still(sleep(seconds));
		}
	};
	const fresh = async () => (await still((await turn({ headers: { accept: "application/json" } })).json())).token;
	spoken = 0;
	button.hidden = true;
	at("bars").hidden = false;
	timers = [setTimeout(say, 1000, "start"), setTimeout(say, 3000, "slow")];
	try {
		for (token = token || await fresh(); ; token = await fresh()) {
			const began = performance.now();
			const answers = await still(solve(decode(token)));
			for (const hand of hands.splice(0)) hand.terminate();
			const { status } = await turn({ method: "POST", body: token + "." + encode(answers) + "." + Math.round(performance.now() - began) });
			if (status === 204) break;
			if (status !== 409 || renewals++ >= 3) throw status;
		}
		const { status } = await still(ask(passPath));
		if (status === 403) return refuse();
		if (status !== 204) throw status;
		stop();
		say("done", true);
		if (framed) parent.postMessage("theriac", location.origin);
		else leave();
	} catch (e) {
		if (mine !== run) return;
		stop();
		say("failed", true);
		button.hidden = false;
		if (framed) parent.postMessage("theriac failed", location.origin);
	}
}

// refuse says that nothing works without cookies, and does nothing more: to
// reload would begin again, for ever.
function refuse() {
	stop();
	at("work").hidden = said.hidden = true;
	at("cookies").hidden = false;
	at("cookies").firstElementChild.focus();
	if (framed) parent.postMessage("theriac failed", location.origin);
}

// leave goes on to where the visitor wanted to go. A reload sends a form once
// more, byte for byte; where a browser asks about that and hears no, the button
// stays.
function leave() {
	setTimeout(() => button.hidden = false, 2000);
	if (location.pathname === challengePath) location.replace("/");
	else location.reload();
}

button.onclick = leave;
addEventListener("pagehide", stop);
addEventListener("pageshow", (event) => event.persisted && start());
start(at("reference").dataset.token);
