// Reads {type, body} a line, and answers with the form as busboy has read it.
const busboy = require("busboy");
const encode = (text) => Buffer.from(text, "utf8").toString("base64");
require("readline").createInterface({ input: process.stdin }).on("line", (line) => {
	const { type, body } = JSON.parse(line);
	const answer = { names: [], values: [], files: [] };
	let done = false;
	const finish = (error) => {
		if (done) return;
		done = true;
		answer.error = String(error || "");
		console.log(JSON.stringify(answer));
	};
	try {
		const parser = busboy({ headers: { "content-type": type }, defParamCharset: "utf8" });
		parser.on("field", (name, value) => answer.names.push(encode(name || "")) && answer.values.push(encode(value)));
		parser.on("file", (name, stream, info) => {
			const chunks = [];
			stream.on("data", (chunk) => chunks.push(chunk)).on("error", finish).on("end", () => {
				if (info.filename === undefined) answer.names.push(encode(name || "")) && answer.values.push(Buffer.concat(chunks).toString("base64"));
				else if (info.filename !== "") answer.files.push(encode(info.filename));
			});
		});
		parser.on("close", () => finish()).on("error", finish);
		parser.end(Buffer.from(body, "base64"));
	} catch (error) {
		finish(error);
	}
});
