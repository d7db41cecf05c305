// npm's oidc-provider, an honest and strict one (proof keys are required), with its
// own pages for signing in.
'use strict';
const crypto = require('crypto');
const fs = require('fs');
const https = require('https');
const path = require('path');
const { pathToFileURL } = require('url');
const { serve } = require('./commands.js');

let server, current, issuer, client;

// What signs with each algorithm.
const kinds = {
	RS256: ['rsa', { modulusLength: 2048 }],
	PS256: ['rsa', { modulusLength: 2048 }],
	ES256: ['ec', { namedCurve: 'P-256' }],
	EdDSA: ['ed25519', {}],
};

// A provider with a new key, whose accounts are whatever is typed as the name.
async function build({ alg, conform }) {
	const file = path.join(process.env.NODE_PATH, 'oidc-provider', 'lib', 'index.js');
	const { Provider } = await import(pathToFileURL(file));
	const key = crypto.generateKeyPairSync(...kinds[alg]).privateKey.export({ format: 'jwk' });
	const provider = new Provider(issuer, {
		clients: [{
			...client,
			token_endpoint_auth_method: 'client_secret_basic',
			grant_types: ['authorization_code'],
			response_types: ['code'],
			id_token_signed_response_alg: alg,
		}],
		claims: {
			openid: ['sub'],
			email: ['email', 'email_verified'],
			profile: ['preferred_username'],
		},
		enabledJWA: { idTokenSigningAlgValues: Object.keys(kinds) },
		findAccount: (_, id) => ({
			accountId: id,
			claims: async () => ({ sub: id, email: id, email_verified: true, preferred_username: id }),
		}),
		// true: scopes give claims at the userinfo endpoint alone
		conformIdTokenClaims: Boolean(conform),
		pkce: { required: () => true, methods: ['S256'] },
		features: { devInteractions: { enabled: true } },
		cookies: { keys: ['one key'] },
		jwks: { keys: [{ ...key, use: 'sig', alg, kid: `${alg}-${crypto.randomUUID()}` }] },
	});
	provider.on('server_error', (_, error) => console.error(error));
	provider.on('grant.error', (_, error) => console.error(error.error, error.error_description));
	return provider.callback();
}

serve({
	async start({ cert, key, client: ours, alg }) {
		client = ours;
		server = https.createServer({ cert: fs.readFileSync(cert), key: fs.readFileSync(key) },
		    (request, response) => current(request, response));
		await new Promise((done) => server.listen(0, '127.0.0.1', done));
		issuer = `https://localhost:${server.address().port}`;
		current = await build({ alg });
		return { url: issuer };
	},
	// The same provider with another key and algorithm.
	async again(options) { current = await build(options); },
});
