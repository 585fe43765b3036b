//! Freshness.
