//! Images from registries: what a reference means today or meant when it was last asked, by the policy.
//!
//! It does not know how a registry is spoken to.

use std::time::{Duration, Instant};

use stepwell_contract::{Cancel, ImagePullPolicy, Platform};

use super::{Gathering, Observer, PullError, Pulled, Source, gather};
use crate::{
    client::Registry,
    download::Sink,
    reference::Reference,
    sha256::Sha256,
    store::{ImageStore, Record},
};

/// How long a registry may take for a manifest.
const MANIFEST_TIME: Duration = Duration::from_secs(60);

/// What is to be pulled.
#[derive(Debug, Clone, Copy)]
pub struct Pull<'a> {
    /// The image.
    pub reference: &'a Reference,
    /// For which platform.
    pub platform: &'a Platform,
    /// When a registry is asked.
    pub policy: ImagePullPolicy,
    /// Whether a container will not do: then it is refused before its layers are got.
    pub components_only: bool,
    /// Whether nobody is asked, whatever the policy.
    pub offline: bool,
}

impl ImageStore {
    /// Gets an image from a registry, or what of it is not here yet.
    ///
    /// # Errors
    ///
    /// When it is not there, is not what an image has to be, or cannot be got. What came of it stays, and the next pull goes
    /// on there.
    pub fn pull(
        &self,
        registry: &Registry,
        pull: &Pull<'_>,
        observer: &dyn Observer,
        cancel: &Cancel,
    ) -> Result<Pulled, PullError> {
        let (name, platform) = (pull.reference.to_string(), pull.platform.to_string());
        let recorded = || self.recorded(&name, &platform);
        let asks = match pull.policy {
            ImagePullPolicy::Never => Err(Silence::Never),
            _ if pull.offline => Err(Silence::Offline),
            ImagePullPolicy::Always | ImagePullPolicy::IfNotPresent => Ok(()),
        };
        let from = From {
            registry,
            reference: pull.reference,
            name: &name,
            asks,
        };
        let known = match (pull.reference.digest(), pull.policy) {
            (Some(digest), _) => Some(digest),
            (None, ImagePullPolicy::Always) if asks.is_ok() => None,
            (None, _) => recorded().map(|record| record.top),
        };
        let top = match known {
            Some(digest) => digest,
            None => from.ask(self)?,
        };
        let gathering = Gathering {
            store: self,
            source: &from,
            platform: pull.platform,
            components_only: pull.components_only,
            observer,
            cancel,
        };
        let gathered = gather(&gathering, top)?;
        self.write_down(&Record::new(
            (&name, &platform),
            (top, gathered.manifest),
            gathered.kind,
            gathered.size,
        ))?;
        Ok(Pulled {
            digest: top,
            manifest: gathered.manifest,
            code: gathered.code,
        })
    }
}

/// One repository of a registry.
struct From<'a> {
    registry: &'a Registry,
    reference: &'a Reference,
    name: &'a str,
    /// Whether it may be asked, or why not.
    asks: Result<(), Silence>,
}

/// Why a registry may not be asked.
#[derive(Debug, Clone, Copy)]
enum Silence {
    /// The policy of the image.
    Never,
    /// Nobody is asked for anything.
    Offline,
}

impl From<'_> {
    /// Asks what the reference means today.
    fn ask(&self, store: &ImageStore) -> Result<Sha256, PullError> {
        self.may_ask()?;
        let deadline = Instant::now() + MANIFEST_TIME;
        let pulled = self.registry.manifest(self.reference, deadline)?;
        store.keep(&pulled.bytes)?;
        Ok(pulled.digest)
    }

    fn may_ask(&self) -> Result<(), PullError> {
        let image = || self.name.to_owned();
        self.asks.map_err(|why| match why {
            Silence::Never => PullError::NeverPulled { image: image() },
            Silence::Offline => PullError::Absent { image: image() },
        })
    }
}

impl Source for From<'_> {
    fn image(&self) -> String {
        self.name.to_owned()
    }

    fn document(&self, digest: Sha256) -> Result<Vec<u8>, PullError> {
        self.may_ask()?;
        let pinned = self.reference.pinned(digest);
        let deadline = Instant::now() + MANIFEST_TIME;
        Ok(self.registry.manifest(&pinned, deadline)?.bytes)
    }

    fn blob(
        &self,
        digest: Sha256,
        bounds: (u64, u64),
        sink: &mut dyn Sink,
        cancel: &Cancel,
    ) -> Result<(), PullError> {
        self.may_ask()?;
        Ok(self
            .registry
            .download(self.reference, digest, bounds, sink, cancel)?)
    }
}
