//! The layers of the images that were pulled, for whoever runs containers.

use std::error::Error;
use std::io::{self, Read};

use stepwell_contract::Layer;
use stepwell_registry::{ImageStore, LayerBounds, LayerReader};
use stepwell_sandbox_oci::Layers;

/// The layers of the images that were pulled.
pub(super) struct Stored(pub(super) ImageStore);

impl Layers for Stored {
    fn open(&self, layer: &Layer) -> Result<Box<dyn Read + Send>, Box<dyn Error + Send + Sync>> {
        let reader = self.0.layer(layer, &LayerBounds::default())?;
        Ok(Box::new(Checked(Some(reader))))
    }
}

/// Reads a layer, and fails at its end where it was another one than its image says.
struct Checked(Option<LayerReader>);

impl Read for Checked {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let Some(reader) = &mut self.0 else {
            return Ok(0);
        };
        let read = reader.read(buffer)?;
        if read == 0
            && !buffer.is_empty()
            && let Some(reader) = self.0.take()
        {
            reader.finish().map_err(io::Error::other)?;
        }
        Ok(read)
    }
}
