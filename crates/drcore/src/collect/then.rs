//! What a database is compared with while it is collected.

use tokio::sync::SetOnce;

use crate::evidence::Evidence;

/// What a database is compared with: it decides what is read.
#[derive(Clone, Copy)]
pub(crate) enum Then<'e> {
    /// Being collected at the same time.
    Coming(&'e SetOnce<Evidence>),
    /// Collected before.
    Known(&'e Evidence),
    /// Nothing.
    Nothing,
}

impl<'e> Then<'e> {
    /// What is known of it now.
    pub(super) fn known(self) -> Option<&'e Evidence> {
        match self {
            Self::Coming(evidence) => evidence.get(),
            Self::Known(evidence) => Some(evidence),
            Self::Nothing => None,
        }
    }

    /// Whether there is none, now or later.
    pub(super) fn is_nothing(self) -> bool {
        matches!(self, Self::Nothing)
    }

    /// Whether all is known of it that ever will be.
    pub(super) fn is_settled(self) -> bool {
        match self {
            Self::Coming(evidence) => evidence.get().is_some(),
            Self::Known(_) | Self::Nothing => true,
        }
    }

    /// Resolves when it is settled.
    pub(super) async fn settled(self) {
        if let Self::Coming(evidence) = self {
            evidence.wait().await;
        }
    }
}

impl<'e> From<Option<&'e Evidence>> for Then<'e> {
    fn from(evidence: Option<&'e Evidence>) -> Self {
        evidence.map_or(Self::Nothing, Self::Known)
    }
}
