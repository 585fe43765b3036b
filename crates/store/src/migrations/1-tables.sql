-- Times are milliseconds since 1970, digests texts with their algorithm, ids ULIDs.
CREATE TABLE submissions (
    id TEXT PRIMARY KEY,
    natural_key TEXT NOT NULL,
    repository TEXT NOT NULL,
    image TEXT NOT NULL,
    environment TEXT NOT NULL,
    issuer TEXT NOT NULL,
    repository_id TEXT NOT NULL,
    source_commit TEXT,
    submitter TEXT NOT NULL,
    request TEXT NOT NULL,
    created BIGINT NOT NULL,
    state TEXT NOT NULL,
    version BIGINT NOT NULL,
    failed_in TEXT,
    may_be_out BIGINT NOT NULL DEFAULT 0,
    sealed BIGINT,
    gate TEXT NOT NULL,
    gate_digest TEXT NOT NULL,
    closure TEXT,
    evidence_set TEXT,
    view_digest TEXT,
    reason TEXT,
    outcome TEXT,
    deadline BIGINT,
    changed BIGINT NOT NULL
);
-- What came to nothing does not keep its job from asking again.
CREATE UNIQUE INDEX submissions_natural_key ON submissions (natural_key)
    WHERE state NOT IN ('REJECTED', 'EXPIRED', 'CANCELLED');
CREATE INDEX submissions_of ON submissions (issuer, repository_id, id);
CREATE INDEX submissions_state ON submissions (state, id);
CREATE INDEX submissions_image ON submissions (image, id);
CREATE INDEX submissions_deadline ON submissions (deadline) WHERE deadline IS NOT NULL;

CREATE TABLE idempotency (
    scope TEXT NOT NULL,
    word TEXT NOT NULL,
    body TEXT NOT NULL,
    submission TEXT NOT NULL REFERENCES submissions (id),
    PRIMARY KEY (scope, word)
);

CREATE TABLE evidence (
    submission TEXT NOT NULL REFERENCES submissions (id),
    slot TEXT NOT NULL,
    received TEXT NOT NULL,
    sha256 TEXT NOT NULL,
    size BIGINT NOT NULL,
    format TEXT NOT NULL,
    platform TEXT,
    detail TEXT NOT NULL,
    taken BIGINT NOT NULL,
    PRIMARY KEY (submission, slot)
);
CREATE INDEX evidence_sha256 ON evidence (sha256);

CREATE TABLE signatures (
    submission TEXT NOT NULL REFERENCES submissions (id),
    decision TEXT NOT NULL,
    kind TEXT NOT NULL,
    key_name TEXT NOT NULL,
    key_version BIGINT NOT NULL,
    predicate_type TEXT,
    payload BYTES NOT NULL,
    signature BYTES NOT NULL,
    sealed BYTES NOT NULL,
    request_id TEXT,
    made BIGINT NOT NULL,
    PRIMARY KEY (submission, decision, kind, key_name)
);

CREATE TABLE work (
    id TEXT PRIMARY KEY,
    kind TEXT NOT NULL,
    submission TEXT NOT NULL REFERENCES submissions (id),
    since BIGINT NOT NULL,
    due BIGINT NOT NULL,
    attempts BIGINT NOT NULL,
    fence BIGINT NOT NULL,
    owner TEXT,
    why TEXT
);
CREATE INDEX work_due ON work (kind, due);
CREATE INDEX work_submission ON work (submission);

CREATE TABLE published (
    repository TEXT NOT NULL,
    image TEXT NOT NULL,
    submission TEXT NOT NULL REFERENCES submissions (id),
    manifests TEXT NOT NULL,
    made BIGINT NOT NULL,
    verified BIGINT NOT NULL,
    PRIMARY KEY (repository, image)
);
CREATE INDEX published_verified ON published (verified);

-- Whose a destination is: who was first, for good.
CREATE TABLE destinations (
    repository TEXT PRIMARY KEY,
    issuer TEXT NOT NULL,
    repository_id TEXT NOT NULL,
    submission TEXT NOT NULL REFERENCES submissions (id),
    made BIGINT NOT NULL
);

CREATE TABLE token_ids (
    issuer TEXT NOT NULL,
    token_id TEXT NOT NULL,
    until BIGINT NOT NULL,
    PRIMARY KEY (issuer, token_id)
);
CREATE INDEX token_ids_until ON token_ids (until);

CREATE TABLE sessions (
    hash BYTES PRIMARY KEY,
    job TEXT NOT NULL,
    expires BIGINT NOT NULL
);
CREATE INDEX sessions_expires ON sessions (expires);

CREATE TABLE gates (
    digest TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    document TEXT NOT NULL,
    loaded BIGINT NOT NULL
);

CREATE TABLE signing_keys (
    name TEXT NOT NULL,
    version BIGINT NOT NULL,
    pem TEXT NOT NULL,
    spki TEXT NOT NULL,
    first_used BIGINT NOT NULL,
    retired BIGINT,
    PRIMARY KEY (name, version)
);

CREATE TABLE leaves (
    seq BIGINT PRIMARY KEY,
    entry BYTES NOT NULL
);

CREATE TABLE tiles (
    path TEXT PRIMARY KEY,
    hashes BYTES NOT NULL
);

-- One row: the next number, the tree that is signed, and who may append to it.
CREATE TABLE ledger (
    one BIGINT PRIMARY KEY CHECK (one = 1),
    next BIGINT NOT NULL,
    size BIGINT NOT NULL,
    root BYTES,
    checkpoint TEXT
);
INSERT INTO ledger (one, next, size) VALUES (1, 0, 0);

CREATE TABLE sequencer (
    one BIGINT PRIMARY KEY CHECK (one = 1),
    owner TEXT,
    until BIGINT NOT NULL,
    fence BIGINT NOT NULL
);
INSERT INTO sequencer (one, until, fence) VALUES (1, 0, 0);
