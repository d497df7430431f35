// The search for nonces. A challenge is 44 bytes, 11 integers of 32 bits; sub-puzzle i
// is solved by a nonce for which the first 32 bits of SHA-256(challenge, i, nonce)
// are below the threshold. That message of 13 integers is one block, in which only
// the last two change.

// The constants of SHA-256: fractions of the roots of the first primes. No
// product comes close enough to an integer for a browser's rounding to matter.
const K = new Int32Array(64), H = new Int32Array(8);
for (let prime = 2, n = 0; n < 64; prime++) {
	let by = 2;
	while (prime % by) by++;
	if (by === prime) {
		if (n < 8) H[n] = Math.sqrt(prime) * 2 ** 32;
		K[n++] = Math.cbrt(prime) * 2 ** 32;
	}
}

// unrolled returns the source of a worker that solves [challenge, i, nonce, threshold],
// beginning with nonce. One line for each round, and no array, make it twice as fast
// as rolled; written down, it would be 16 KB. But a browser takes 150 ms to compile
// that, so a worker does its first tries with rolled.
const warmUp = 2 ** 19;
function unrolled() {
	const turned = (x, bits) => `(${x}>>>${bits}|${x}<<${32 - bits})`;
	const mixed = (x, ...bits) => "(" + bits.map((n) => turned(x, n)).join("^") + ")";
	const names = [..."abcdefgh"];
	const round = (r) => {
		const [a, b, c, d, e, f, g, h] = names;
		names.unshift(names.pop());
		return `${h}=${h}+${mixed(e, 6, 11, 25)}+(${g}^${e}&(${f}^${g}))+${K[r]}+w${r}|0;${d}=${d}+${h}|0;${h}=${h}+${mixed(a, 2, 13, 22)}+(${a}&${b}|${c}&(${a}|${b}))|0;`;
	};
	const word = (r) => {
		const x = "w" + (r - 15), y = "w" + (r - 2);
		return `w${r}=w${r - 16}+w${r - 7}+(${turned(x, 7)}^${turned(x, 18)}^${x}>>>3)+(${turned(y, 17)}^${turned(y, 19)}^${y}>>>10)|0;`;
	};
	// What does not depend on the nonce is computed once, before the loop.
	const depends = (r) => r === 12 || r > 15 && [16, 15, 7, 2].some((back) => depends(r - back));
	let once = "", each = "";
	for (let r = 0; r < 12; r++) once += round(r);
	once += "const " + names.map((name, n) => `s${n}=${name}`) + ";";
	each += "const w12=nonce|0;" + names.map((name, n) => `${name}=s${n};`).join("");
	for (let r = 12; r < 64; r++) {
		if (r > 15) depends(r) ? each += "const " + word(r) : once += "const " + word(r);
		each += round(r);
	}
	const begin = "if(tried<" + warmUp + "){for(const search=rolled(w,i,threshold);;){tried+=500;const hit=search(nonce,nonce+=500);if(hit>=0)return postMessage([i,hit])}}";
	return "onmessage=({data:[w,i,nonce,threshold]})=>{" + begin + "let " + [...H].map((x, n) => "abcdefgh"[n] + "=" + x) +
		";const [" + [...Array(11)].map((_, n) => "w" + n) + "]=w,w11=i,w13=" + (1 << 31) + ",w14=0,w15=416;" + once +
		"for(;;nonce++){" + each + `if((${names[0]}+${H[0]}>>>0)<threshold)break}postMessage([i,nonce])};let tried=0;` +
		`const H=new Int32Array([${H}]),K=new Int32Array([${K}]);${rolled};postMessage(0)`;
}

// rolled returns the same search for the page itself, where the policy forbids eval: a
// function that tries the nonces of one slice and returns the one that solves, or -1.
function rolled(challenge, i, threshold) {
	const w = new Int32Array(64);
	w.set([...challenge, i, 0, 1 << 31, 0, 416]);
	return (nonce, end) => {
		for (; nonce < end; nonce++) {
			w[12] = nonce;
			let a = H[0], b = H[1], c = H[2], d = H[3], e = H[4], f = H[5], g = H[6], h = H[7];
			for (let r = 0; r < 64; r++) {
				if (r > 15) {
					const x = w[r - 15], y = w[r - 2];
					w[r] = w[r - 16] + w[r - 7] + ((x >>> 7 | x << 25) ^ (x >>> 18 | x << 14) ^ x >>> 3) + ((y >>> 17 | y << 15) ^ (y >>> 19 | y << 13) ^ y >>> 10);
				}
				const t = h + ((e >>> 6 | e << 26) ^ (e >>> 11 | e << 21) ^ (e >>> 25 | e << 7)) + (g ^ e & (f ^ g)) + K[r] + w[r] | 0;
				const u = ((a >>> 2 | a << 30) ^ (a >>> 13 | a << 19) ^ (a >>> 22 | a << 10)) + (a & b | c & (a | b)) | 0;
				h = g; g = f; f = e; e = d + t | 0; d = c; c = b; b = a; a = t + u | 0;
			}
			if ((a + H[0] >>> 0) < threshold) return nonce;
		}
		return -1;
	};
}
