// SPDX-License-Identifier: MIT
// oauth_provider.mjs - an authorization server on loopback, by oidc-provider
//
//	node oauth_provider.mjs MODULE PORT
//
// Clients: "phone" (public: device and code), "short" (the same, tokens of two
// seconds), "robot" (client credentials, with a secret), "server" and "dovecot"
// (ask about tokens).  Refresh tokens rotate, and one that is used twice ends the grant.
import { pathToFileURL } from 'node:url';

const [module, port] = process.argv.slice(2);
const { Provider } = await import(pathToFileURL(module));
const DEVICE = 'urn:ietf:params:oauth:grant-type:device_code';

const person = (id) => ({
	client_id: id, application_type: 'native',
	grant_types: [DEVICE, 'authorization_code', 'refresh_token'],
	redirect_uris: ['http://127.0.0.1'], response_types: ['code'],
	token_endpoint_auth_method: 'none',
});
const machine = (id) => ({
	client_id: id, client_secret: `${id}-S3cret/of+test`,
	grant_types: ['client_credentials'], redirect_uris: [],
	response_types: [], token_endpoint_auth_method: 'client_secret_post',
});

const provider = new Provider(`http://127.0.0.1:${port}`, {
	clients: [person('phone'), person('short'), machine('robot'),
	    machine('server'), {
		...machine('dovecot'), client_secret: 'dovecot-S3cret',
		token_endpoint_auth_method: 'client_secret_basic',
	    }],
	scopes: ['openid', 'offline_access', 'mail'],
	features: {
		deviceFlow: { enabled: true },
		clientCredentials: { enabled: true },
		introspection: { enabled: true, allowedPolicy: () => true },
		revocation: { enabled: true, allowedPolicy: () => true },
		devInteractions: { enabled: true },
	},
	pkce: { required: () => true },
	rotateRefreshToken: true,
	issueRefreshToken: async (ctx, client) =>
		client.grantTypeAllowed('refresh_token'),
	ttl: {
		AccessToken: (ctx, token, client) =>
			client.clientId === 'short' ? 2 : 3600,
		ClientCredentials: 3600, DeviceCode: 60, AuthorizationCode: 60,
		RefreshToken: 3600, Grant: 3600, Interaction: 600, Session: 600,
		IdToken: 3600,
	},
	cookies: { keys: ['for the test'] },
});
provider.listen(Number(port), '127.0.0.1');
