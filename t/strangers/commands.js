// Takes commands as lines of JSON on standard input, one after the other, and
// answers each with a line: what Attestmdm::Stranger talks to.
'use strict';
const readline = require('readline');

// Standard output is for answers.
console.log = console.info = console.error;

// commands: { name: async (arguments) => answer }
exports.serve = async function (commands, atEnd) {
	for await (const line of readline.createInterface({ input: process.stdin })) {
		const { do: name, ...rest } = JSON.parse(line);
		let answer;
		try {
			answer = (await commands[name](rest)) ?? null;
		} catch (error) {
			answer = { failed: String(error.stack || error) };
		}
		process.stdout.write(JSON.stringify(answer) + '\n');
	}
	if (atEnd)
		await atEnd();
	process.exit(0);
};
