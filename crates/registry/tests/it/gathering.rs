//! gathering
