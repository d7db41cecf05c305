// npm's oauth2-mock-server, which signs whatever it is told to.
'use strict';
const crypto = require('crypto');
const fs = require('fs');
const https = require('https');
const { OAuth2Server } = require('oauth2-mock-server');
const { serve } = require('./commands.js');

const MEGABYTE = 1 << 20;

let front, port, options, mock;
let spoiled = null, faults = {}, asked = {};

const base64url = (bytes) => Buffer.from(bytes).toString('base64url');
const sleep = (seconds) => new Promise((done) => setTimeout(done, seconds * 1000));

// The key of the mock as others see it, in PEM: what HS256 is wrongly made with.
function publicPem() {
	const [jwk] = mock.issuer.keys.toJSON();
	return crypto.createPublicKey({ key: jwk, format: 'jwk' }).export({ type: 'spki', format: 'pem' });
}

// Signs the claims of a token in another way than the mock would.
function signAgain(token, { header, sign }) {
	const [head, claims, signature] = token.split('.');
	const changed = { ...JSON.parse(Buffer.from(head, 'base64url')), ...header };
	const text = `${base64url(JSON.stringify(changed))}.${claims}`;
	const made = {
		none: () => '',
		hs256: () => crypto.createHmac('sha256', publicPem()).update(text).digest('base64url'),
		corrupt: () => `${signature.slice(0, 40)}${signature[40] === 'A' ? 'B' : 'A'}${signature.slice(41)}`,
		other: () => base64url(crypto.sign('sha256', Buffer.from(text),
		    crypto.generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey)),
	};
	return sign === 'corrupt' ? `${head}.${claims}.${made.corrupt()}` : `${text}.${made[sign]()}`;
}

// A mock with a new key.
async function build(alg) {
	const server = new OAuth2Server();
	await server.issuer.keys.generate(alg || 'RS256');
	server.issuer.url = `https://localhost:${port}`;
	server.service.on('beforeTokenSigning', (token) => {
		token.payload.email = token.payload.sub = 'ada@example.com';
		if (!spoiled)
			return;
		Object.assign(token.header, spoiled.header);
		for (const [name, value] of Object.entries(spoiled.claims || {})) {
			if (value === null)
				delete token.payload[name];
			else
				token.payload[name] = value;
		}
	});
	server.service.on('beforeResponse', (answer) => {
		if (spoiled && spoiled.sign)
			answer.body.id_token = signAgain(answer.body.id_token, spoiled);
		if (spoiled && spoiled.answer)
			Object.assign(answer, spoiled.answer);
		spoiled = null;
	});
	return server;
}

const misbehave = {
	async slow(_, response, { seconds }) {
		await sleep(seconds);
		response.destroy();
	},
	redirect(_, response, { location }) {
		response.writeHead(302, { Location: location }).end();
	},
	// Keys without an end, as far as anybody reads.
	huge(_, response) {
		response.writeHead(200, { 'Content-Type': 'application/json' });
		const key = JSON.stringify({ kty: 'RSA', kid: 'x'.repeat(100), e: 'AQAB', n: 'A'.repeat(342) });
		let left = 10 * MEGABYTE;
		const more = () => {
			for (; left > 0; left -= key.length + 1)
				if (!response.write(`${key},`))
					return response.once('drain', more);
			return response.end(`${key}]}`);
		};
		response.on('error', () => {});
		response.write('{"keys":[');
		more();
	},
};

function listen() {
	return new Promise((done) => front.listen(port, '127.0.0.1', done));
}

async function handle(request, response) {
	const { pathname } = new URL(request.url, 'https://localhost');
	const fault = faults[pathname];
	asked[pathname] = (asked[pathname] || 0) + 1;
	if (!fault)
		return mock.service.requestHandler(request, response);
	delete faults[pathname];
	return misbehave[fault.kind](request, response, fault);
}

serve({
	async start({ cert, key }) {
		options = { cert: fs.readFileSync(cert), key: fs.readFileSync(key) };
		front = https.createServer(options, handle);
		port = 0;
		await listen();
		port = front.address().port;
		mock = await build();
		return { url: `https://localhost:${port}` };
	},
	// The next ID token: claims and header to change (null: to leave out), sign.
	spoil(what) { spoiled = what; },
	// The next request to a path.
	fault({ path, ...what }) { faults[path] = what; },
	async rotate({ alg }) { mock = await build(alg); },
	asked({ path }) { return { times: asked[path] || 0 }; },
	async down() {
		front.closeAllConnections();
		await new Promise((done) => front.close(done));
	},
	async up() {
		front = https.createServer(options, handle);
		await listen();
	},
});
