// Wraps fetch: if a response asks for proof of work, a hidden frame solves it, and the
// same request is sent again, once. All requests share one frame.
const send = fetch, { origin } = location;
let box, work, tell, timer, done = 0;

const end = (ok) => {
	clearTimeout(timer);
	box.remove();
	work = 0;
	done += ok;
	tell(ok);
};

addEventListener("message", (e) => {
	if (work && e.source === box.contentWindow && e.origin === origin) end(e.data === "theriac");
});

// solve resolves to whether the page at url got a pass.
const solve = (url) => work = work || new Promise((yes) => {
	tell = yes;
	timer = setTimeout(end, 6e4, false);
	box = document.createElement("iframe");
	box.hidden = true;
	box.src = url;
	// A page that may not be framed, or did not load, has no document that we may read.
	box.onload = () => box.contentDocument || end(false);
	document.documentElement.append(box);
});

window.fetch = async (...what) => {
	const { body, signal } = what[1] || {}, was = done;
	// The body of a Request can be read once, so a copy is sent the second time. Any
	// other body can be sent twice, except a stream, which is not sent again.
	let copy = what[0];
	try {
		copy = copy.clone();
	} catch (e) {}
	const got = await send(...what);
	// Another host of the shop may ask as well. It is solved here, since the pass is good for both.
	const path = got.status === 429 && got.headers.get("X-Theriac-Challenge");
	const url = path && new URL(path, location);
	if (!url || url.origin !== origin || body && body.getReader) return got;
	// An abort ends the wait: sending again then rejects, as it should.
	return was < done || await new Promise((yes) => {
		const stop = signal || copy.signal;
		if (stop) stop.addEventListener("abort", yes);
		solve(url).then(yes);
	}) ? send(copy, what[1]) : got;
};
