// Tests solver.min.js against the vectors of challenge/pow, and measures it:
//   node solver.cjs solver.min.js vectors.json
const fs = require("node:fs");
const [solver, vectors] = process.argv.slice(2).map((name) => fs.readFileSync(name, "utf8"));
const { unrolled, rolled, warmUp } = new Function(solver + "; return { unrolled, rolled, warmUp }")();

// started runs the source of a worker as a worker does, and returns what that posts.
// After its warm-up a worker searches in another way: warm has finished it.
const started = () => {
	let posted;
	const onmessage = new Function("postMessage", "let " + unrolled() + "; return onmessage")((data) => posted = data);
	return (words, i, nonce, threshold) => {
		onmessage({ data: [words, i, nonce, threshold] });
		return posted[0] === i ? posted[1] : `the nonce of ${posted[0]}`;
	};
};
const warm = started(), zero = Array(11).fill(0);
for (let i = 0, tried = 0; tried < warmUp; i++) tried += warm(zero, i, 0, 1 << 13);
const page = (words, i, nonce, threshold) => {
	for (const search = rolled(words, i, threshold); ; nonce += 1000) {
		const hit = search(nonce, nonce + 1000);
		if (hit >= 0) return hit;
	}
};

const wordsOf = (hex) => hex.match(/.{8}/g).map((word) => parseInt(word, 16) | 0);
let checks = 0;
const check = (what, got, want) => {
	checks++;
	if (got !== want) {
		console.log(`${what}: got ${got}, want ${want}`);
		process.exitCode = 1;
	}
};

for (const { name: vector, sealed, k, threshold, answers, first, tries } of JSON.parse(vectors).puzzles) {
	const words = wordsOf(sealed);
	for (const [name, search] of Object.entries({ cold: started(), warm, page })) {
		for (let i = 0; i < k; i++) {
			const want = parseInt(answers.slice(8 * i, 8 * i + 8), 16);
			check(`${name}, ${vector}, answer ${i}`, search(words, i, 0, threshold), want);
		}
		// A hash is below the number after it, and not below itself.
		const hashes = first.map((hash, i) => ({ i, nonce: 0, hash })).concat(tries);
		for (const { i, nonce, hash } of hashes) {
			check(`${name}, ${vector}, ${i}/${nonce} below`, search(words, i, nonce, hash + 1), nonce);
			if (hash > 1 << 20) check(`${name}, ${vector}, ${i}/${nonce} not below`, search(words, i, nonce, hash) === nonce, false);
		}
	}
}
console.log(`${checks} checks`);

// By the processor's clock, and the best of several: the machine has other work.
const rate = (run, tries) => {
	let best = Infinity;
	for (let n = 0; n < 12; n++) {
		const before = process.cpuUsage();
		run();
		best = Math.min(best, process.cpuUsage(before).user);
	}
	return (tries / best).toFixed(2);
};
const words = wordsOf("01020304".repeat(11));
const nonce = warm(words, 7, 0, 1 << 13);
console.log(`worker ${rate(() => warm(words, 7, 0, 1 << 13), nonce)} MH/s`);
console.log(`page ${rate(() => rolled(words, 7, 0)(0, 300_000), 300_000)} MH/s`);
