// Numbers as they come from Python: base64 of their bytes.
export const PIXELS = 784;

export const bytes = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
export const signed = (text) => new Int8Array(bytes(text).buffer);
export const floats = (text) => new Float32Array(bytes(text).buffer);
