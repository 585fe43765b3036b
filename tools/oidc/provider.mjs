#!/usr/bin/env node
// OpenID providers for jobs and people that say who they are: one for each issuer in the configuration, which is JSON in
// the file that is named on the command line. A client of one is somebody who may ask for a token with these claims; the
// audience of the token is the resource that is asked for, without `urn:` where it begins so.
import { generateKeyPairSync } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { Provider } from 'oidc-provider';

const LIFETIME = 600;

function provider(issuer, who) {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const claims = new Map(who.map((one) => [one.id, one.claims]));
  return new Provider(issuer, {
    jwks: { keys: [{ ...privateKey.export({ format: 'jwk' }), alg: 'RS256', use: 'sig', kid: '1' }] },
    clients: who.map((one) => ({
      client_id: one.id,
      client_secret: one.secret,
      grant_types: ['client_credentials'],
      redirect_uris: [],
      response_types: [],
    })),
    // What is asked for by `client_credentials` is signed as identity tokens are, and read by the same keys.
    extraTokenClaims: (context, token) => claims.get(token.clientId),
    features: {
      devInteractions: { enabled: false },
      clientCredentials: { enabled: true },
      resourceIndicators: {
        enabled: true,
        getResourceServerInfo: (context, resource) => ({
          scope: '',
          audience: resource.replace(/^urn:/, ''),
          accessTokenFormat: 'jwt',
          accessTokenTTL: LIFETIME,
          jwt: { sign: { alg: 'RS256' } },
        }),
      },
    },
    // RFC 9068 has a `typ` of its own for these; identity tokens of jobs have the usual one.
    formats: {
      customizers: {
        jwt: (context, token, parts) => {
          parts.header = { ...parts.header, typ: 'JWT' };
        },
      },
    },
    ttl: { ClientCredentials: LIFETIME },
  });
}

const { issuers } = JSON.parse(readFileSync(process.argv[2], 'utf8'));
for (const { port, who } of issuers) {
  const issuer = `http://127.0.0.1:${port}`;
  createServer(provider(issuer, who).callback()).listen(port, '127.0.0.1');
}
