//! Submissions and their steps.

use countersign_gate::submission::{NotFrom, State, Step, evidence_set_digest};
use countersign_image::Digest;
use countersign_ledger::Record;
use jiff::Timestamp;

use crate::db::{Row, Tx, corrupt, values};
use crate::rows::{Asked, Change, Created, Fence, Filter, Idempotency, NewWork, Submission};
use crate::{Store, StoreError, TransitionError};

/// The most submissions of one page.
pub(crate) const MOST_LISTED: u64 = 1000;

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT id, natural_key, repository, image, environment, issuer, repository_id, source_commit, submitter, request, \
             created, state, version, failed_in, gate, gate_digest, closure, evidence_set, view_digest, reason, outcome, \
             deadline, changed, may_be_out FROM submissions ",
            $rest
        )
    };
}

pub(crate) const LIST_OF: &str = select!(
    "WHERE issuer = $1 AND repository_id = $2 AND id < $3 AND ($4 IS NULL OR state = $4) \
                 AND ($5 IS NULL OR image = $5) ORDER BY id DESC LIMIT $6"
);
pub(crate) const DROP_WORK: &str = "DELETE FROM work WHERE submission = $1";

pub(crate) fn submission(row: &Row) -> Result<Submission, StoreError> {
    let state = |name: &str| State::parse(name).ok_or_else(|| corrupt(format!("`{name}` is no state")));
    Ok(Submission {
        asked: Asked {
            id: row.text(0)?,
            natural_key: row.digest(1)?,
            repository: row.text(2)?,
            image: row.digest(3)?,
            environment: row.text(4)?,
            issuer: row.text(5)?,
            repository_id: row.text(6)?,
            commit: row.maybe_text(7)?,
            submitter: row.text(8)?,
            request: row.text(9)?,
            created: row.time(10)?,
        },
        state: state(&row.text(11)?)?,
        version: row.number(12)?,
        failed_in: row.maybe_text(13)?.map(|name| state(&name)).transpose()?,
        gate: row.text(14)?,
        gate_digest: row.digest(15)?,
        closure: row.maybe_digest(16)?,
        evidence_set: row.maybe_digest(17)?,
        view: row.maybe_digest(18)?,
        reason: row.maybe_text(19)?,
        outcome: row.maybe_text(20)?,
        deadline: row.maybe_time(21)?,
        changed: row.time(22)?,
        may_be_out: row.number(23)? != 0,
    })
}

fn submissions(rows: &[Row]) -> Result<Vec<Submission>, StoreError> {
    rows.iter().map(submission).collect()
}

async fn by_id(tx: &mut Tx, id: &str) -> Result<Submission, StoreError> {
    let row = tx.row(select!("WHERE id = $1"), values![id]).await?;
    row.as_ref().map(submission).transpose()?.ok_or(StoreError::Missing {
        what: "such submission",
    })
}

impl Store {
    /// Takes a submission in. The same key with the same body, and the same job that asks for the same again, get the
    /// submission that there is; with another key not one that came to nothing (REJECTED, EXPIRED, CANCELLED). With `published_since`, an image that this repository has had published under this gate
    /// and for this environment since then gets that submission.
    pub async fn create(
        &self,
        asked: &Asked,
        gate: (&str, Digest),
        idempotency: &Idempotency,
        published_since: Option<Timestamp>,
        deadline: Timestamp,
        records: Vec<Record>,
    ) -> Result<Created, StoreError> {
        loop {
            let mut tx = self.db.begin().await?;
            if let Some(there) = there(&mut tx, asked, gate.1, idempotency, published_since).await? {
                tx.commit().await?;
                return Ok(there);
            }
            // Two may ask at once on two replicas: who comes second finds what the first has made.
            if insert(&mut tx, asked, gate, deadline).await? && remember(&mut tx, idempotency, &asked.id).await? {
                let submission = by_id(&mut tx, &asked.id).await?;
                Self::append_in(&mut tx, records).await?;
                tx.commit().await?;
                self.ring();
                return Ok(Created::New(submission));
            }
        }
    }

    /// Whether [`Store::create`] would find what is asked for, and make nothing.
    pub async fn is_there(&self, asked: &Asked, gate: Digest, idempotency: &Idempotency) -> Result<bool, StoreError> {
        let mut tx = self.db.begin().await?;
        Ok(there(&mut tx, asked, gate, idempotency, None).await?.is_some())
    }

    /// A submission.
    pub async fn submission(&self, id: &str) -> Result<Option<Submission>, StoreError> {
        let row = self.db.row(select!("WHERE id = $1"), values![id]).await?;
        row.as_ref().map(submission).transpose()
    }

    /// The newest submissions first, at most 1,000.
    pub async fn list(&self, filter: &Filter, most: u64) -> Result<Vec<Submission>, StoreError> {
        let most = most.min(MOST_LISTED);
        let state = filter.state.map(State::name);
        // Beyond every ULID, in every order of letters.
        let before = filter.before.as_deref().unwrap_or("Z");
        let rows = if let Some((issuer, repository)) = &filter.of {
            self.db
                .rows(LIST_OF, values![issuer, repository, before, state, filter.image, most])
                .await?
        } else if let Some(image) = filter.image {
            let sql = select!("WHERE image = $1 AND id < $2 AND ($3 IS NULL OR state = $3) ORDER BY id DESC LIMIT $4");
            self.db.rows(sql, values![image, before, state, most]).await?
        } else if let Some(state) = state {
            let sql = select!("WHERE state = $1 AND id < $2 ORDER BY id DESC LIMIT $3");
            self.db.rows(sql, values![state, before, most]).await?
        } else {
            self.db
                .rows(
                    select!("WHERE id < $1 ORDER BY id DESC LIMIT $2"),
                    values![before, most],
                )
                .await?
        };
        submissions(&rows)
    }

    /// Submissions whose time in their state is over.
    pub async fn expired(&self, now: Timestamp, most: u64) -> Result<Vec<Submission>, StoreError> {
        let sql = select!("WHERE deadline IS NOT NULL AND deadline <= $1 ORDER BY deadline LIMIT $2");
        submissions(&self.db.rows(sql, values![now, most.min(MOST_LISTED)]).await?)
    }

    /// How many submissions are in each state that any is in.
    pub async fn by_state(&self) -> Result<Vec<(State, u64)>, StoreError> {
        let rows = self
            .db
            .rows("SELECT state, COUNT(*) FROM submissions GROUP BY state", values![])
            .await?;
        let count = |row: &Row| {
            let state = State::parse(&row.text(0)?).ok_or_else(|| corrupt("no such state"))?;
            Ok((state, row.number(1)?))
        };
        rows.iter().map(count).collect()
    }

    /// One step, in one transaction with the entries that tell it and the work that follows. Work that was waiting for the
    /// submission is done with, also that which is done under the fence. A seal is lost too if evidence came in after the
    /// caller made its digest, and makes it if the caller did not.
    #[expect(
        clippy::too_many_arguments,
        reason = "one transaction is all of these, and none has a default"
    )]
    pub async fn transition(
        &self,
        at: &Submission,
        step: Step,
        change: Change,
        now: Timestamp,
        records: Vec<Record>,
        work: Option<NewWork>,
        under: Option<&Fence>,
    ) -> Result<Submission, TransitionError> {
        let next = at.state.after(step, at.may_be_out)?;
        if let Step::Retry { failed_in } = step
            && at.failed_in != Some(failed_in)
        {
            let not_from = NotFrom {
                state: at.state,
                step,
                may_be_out: at.may_be_out,
            };
            return Err(not_from.into());
        }
        let failed_in = if next == State::Failed {
            Some(at.state)
        } else {
            at.failed_in
        };
        let evidence_set = change.evidence_set;
        let mut tx = self.db.begin().await?;
        // The submission's row first, as everybody does: who waits for another's lock never holds one that he wants.
        if !set(&mut tx, at, next, failed_in, change, now).await? {
            return Err(TransitionError::Lost);
        }
        if step == Step::Seal && !fix_evidence(&mut tx, &at.asked.id, evidence_set).await? {
            return Err(TransitionError::Lost);
        }
        if let Some(fence) = under {
            Self::hold(&mut tx, fence).await?;
        }
        tx.execute(DROP_WORK, values![&at.asked.id]).await?;
        let submission = by_id(&mut tx, &at.asked.id).await?;
        if let Some(work) = work {
            let sql = "INSERT INTO work (id, kind, submission, since, due, attempts, fence) VALUES ($1, $2, $3, $4, $5, 0, 0)";
            let id = format!("{}/{}", at.asked.id, submission.version);
            tx.execute(sql, values![id, work.kind, &at.asked.id, now, work.due])
                .await?;
        }
        let first = Self::append_in(&mut tx, records).await?;
        if step == Step::Seal {
            // Entries are numbered in the order of the commits: clocks and the times of uploads are not.
            let sql = "UPDATE submissions SET sealed = $1 WHERE id = $2";
            tx.execute(sql, values![first, &at.asked.id]).await?;
        }
        tx.commit().await?;
        self.ring();
        Ok(submission)
    }
}

async fn there(
    tx: &mut Tx,
    asked: &Asked,
    gate: Digest,
    idempotency: &Idempotency,
    published_since: Option<Timestamp>,
) -> Result<Option<Created>, StoreError> {
    let sql = "SELECT body, submission FROM idempotency WHERE scope = $1 AND word = $2";
    if let Some(row) = tx.row(sql, values![&idempotency.scope, &idempotency.key]).await? {
        if row.digest(0)? != idempotency.body {
            return Ok(Some(Created::Mismatch));
        }
        let submission = by_id(tx, &row.text(1)?).await?;
        return Ok(Some(Created::Same(submission)));
    }
    let row = tx
        .row(
            select!("WHERE natural_key = $1 AND state NOT IN ('REJECTED', 'EXPIRED', 'CANCELLED')"),
            values![asked.natural_key],
        )
        .await?;
    if let Some(row) = row {
        return Ok(Some(Created::Same(submission(&row)?)));
    }
    let Some(since) = published_since else { return Ok(None) };
    let sql = select!(
        "WHERE image = $1 AND repository = $2 AND gate_digest = $3 AND environment = $4 AND issuer = $5 AND repository_id = $6 \
         AND request = $7 AND state = 'PUBLISHED' AND changed >= $8 ORDER BY id DESC LIMIT 1"
    );
    let of = values![
        asked.image,
        &asked.repository,
        gate,
        &asked.environment,
        &asked.issuer,
        &asked.repository_id,
        &asked.request,
        since,
    ];
    let row = tx.row(sql, of).await?;
    row.map(|row| Ok(Created::AlreadyPublished(submission(&row)?)))
        .transpose()
}

async fn insert(tx: &mut Tx, asked: &Asked, gate: (&str, Digest), deadline: Timestamp) -> Result<bool, StoreError> {
    let sql = "INSERT INTO submissions (id, natural_key, repository, image, environment, issuer, repository_id, source_commit, \
               submitter, request, created, state, version, gate, gate_digest, deadline, changed) \
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, 0, $13, $14, $15, $11) \
               ON CONFLICT (natural_key) WHERE state NOT IN ('REJECTED', 'EXPIRED', 'CANCELLED') DO NOTHING";
    let row = values![
        &asked.id,
        asked.natural_key,
        &asked.repository,
        asked.image,
        &asked.environment,
        &asked.issuer,
        &asked.repository_id,
        &asked.commit,
        &asked.submitter,
        &asked.request,
        asked.created,
        State::Received.name(),
        gate.0,
        gate.1,
        deadline,
    ];
    Ok(tx.execute(sql, row).await? == 1)
}

async fn remember(tx: &mut Tx, idempotency: &Idempotency, submission: &str) -> Result<bool, StoreError> {
    let sql = "INSERT INTO idempotency (scope, word, body, submission) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING";
    let row = values![&idempotency.scope, &idempotency.key, idempotency.body, submission];
    Ok(tx.execute(sql, row).await? == 1)
}

async fn set(
    tx: &mut Tx,
    at: &Submission,
    next: State,
    failed_in: Option<State>,
    change: Change,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let sql = "UPDATE submissions SET state = $1, version = version + 1, failed_in = $2, gate = COALESCE($3, gate), \
               gate_digest = COALESCE($4, gate_digest), closure = COALESCE($5, closure), \
               evidence_set = COALESCE($6, evidence_set), view_digest = COALESCE($7, view_digest), reason = $8, \
               outcome = COALESCE($9, outcome), deadline = $10, changed = $11, may_be_out = $12 \
               WHERE id = $13 AND state = $14 AND version = $15";
    let (gate, gate_digest) = change.gate.unzip();
    let row = values![
        next.name(),
        failed_in.map(State::name),
        &gate,
        gate_digest,
        change.closure,
        change.evidence_set,
        change.view,
        &change.reason,
        &change.outcome,
        change.deadline,
        now,
        u64::from(at.may_be_out || next == State::Publishing),
        &at.asked.id,
        at.state.name(),
        at.version,
    ];
    Ok(tx.execute(sql, row).await? == 1)
}

/// Fixes the digest of the evidence as it is kept, while nobody can bring any: false if the caller has seen another.
async fn fix_evidence(tx: &mut Tx, id: &str, seen: Option<Digest>) -> Result<bool, StoreError> {
    let rows = tx
        .rows("SELECT slot, sha256 FROM evidence WHERE submission = $1", values![id])
        .await?;
    let slots = rows.iter().map(|row| Ok((row.text(0)?, row.digest(1)?)));
    let slots = slots.collect::<Result<Vec<_>, StoreError>>()?;
    let fixed = evidence_set_digest(slots.iter().map(|(slot, digest)| (slot.as_str(), *digest)));
    if seen.is_some_and(|seen| seen != fixed) {
        return Ok(false);
    }
    let sql = "UPDATE submissions SET evidence_set = $1 WHERE id = $2";
    tx.execute(sql, values![fixed, id]).await?;
    Ok(true)
}
