/**
 * From decoded pixels to a classifier's input, as model.json says, in plain Kotlin: the same numbers as the service.
 *
 * Android's own scaling (Bitmap.createScaledBitmap, Matrix, Canvas) has no antialiasing: shrinking a photograph with it
 * gives another picture than training saw, and other scores. Hence the resampler here, which is Pillow's.
 */
package sluice

class Size(val height: Int, val width: Int)

/** Rows without padding of 8-bit samples: 3 channels (RGB) or 1. */
class Pixels(val width: Int, val height: Int, val channels: Int, val data: ByteArray)

/** `image` of model.json; `mean` and `std` in the order of `color`. */
class ImageSpec(
    val shorterSide: Int?,
    val exact: Size?,
    val crop: Size?,
    val color: String,
    val scale: Double,
    val mean: FloatArray,
    val std: FloatArray,
    val layout: String
)

/** A tensor of shape [1, channels, height, width], or [1, height, width, channels] for NHWC. */
class PictureTensor(val shape: LongArray, val data: FloatArray)

/** `source` is RGB, upright (see `upright`). */
fun preprocess(source: Pixels, spec: ImageSpec): PictureTensor {
    val pixels = if (spec.color == "GRAY") gray(source) else source
    val size = resizedSize(pixels, spec)
    return normalise(crop(resize(pixels, size), spec.crop ?: size), spec)
}

/** Turns a picture as its EXIF orientation (1 to 8) says; Android's BitmapFactory leaves that to its caller. */
fun upright(source: Pixels, orientation: Int): Pixels {
    if (orientation !in 2..8) return source
    val swapped = orientation >= 5
    val width = if (swapped) source.height else source.width
    val height = if (swapped) source.width else source.height
    val data = ByteArray(source.data.size)
    for (y in 0 until height) for (x in 0 until width) {
        val (fromX, fromY) = when (orientation) {
            2 -> Pair(width - 1 - x, y)
            3 -> Pair(width - 1 - x, height - 1 - y)
            4 -> Pair(x, height - 1 - y)
            5 -> Pair(y, x)
            6 -> Pair(y, width - 1 - x)
            7 -> Pair(height - 1 - y, width - 1 - x)
            else -> Pair(height - 1 - y, x)
        }
        for (channel in 0 until source.channels) {
            data[(y * width + x) * source.channels + channel] =
                source.data[(fromY * source.width + fromX) * source.channels + channel]
        }
    }
    return Pixels(width, height, source.channels, data)
}

private fun gray(source: Pixels): Pixels {
    val data = ByteArray(source.width * source.height)
    for (i in data.indices) {
        val red = source.data[i * 3].toInt() and 255
        val green = source.data[i * 3 + 1].toInt() and 255
        val blue = source.data[i * 3 + 2].toInt() and 255
        data[i] = ((red * 19595 + green * 38470 + blue * 7471 + 0x8000) shr 16).toByte()
    }
    return Pixels(source.width, source.height, 1, data)
}

/** The longer side is truncated, as torchvision does it. */
private fun resizedSize(source: Pixels, spec: ImageSpec): Size {
    spec.exact?.let { return it }
    val side = spec.shorterSide ?: return Size(source.height, source.width)
    return if (source.width <= source.height) Size((side.toLong() * source.height / source.width).toInt(), side)
    else Size(side, (side.toLong() * source.width / source.height).toInt())
}

private const val WEIGHT_BITS = 22

private fun resize(source: Pixels, size: Size): Pixels {
    val across = { at: Pixels -> if (at.width == size.width) at else transposed(alongRows(transposed(at), size.width)) }
    val down = { at: Pixels -> if (at.height == size.height) at else alongRows(at, size.height) }
    // Pillow goes down first where that leaves less to do, and rounds to 8 bits in between: the order shows.
    val isTall = source.height > 2 * source.width && size.height < source.height
    return if (isTall) across(down(source)) else down(across(source))
}

/** Resamples the rows of `source` to `count` of them: a triangle as wide as the shrink factor, in fixed point. */
private fun alongRows(source: Pixels, count: Int): Pixels {
    val row = source.width * source.channels
    val data = ByteArray(row * count)
    val scale = source.height.toDouble() / count
    val support = maxOf(scale, 1.0)
    for (y in 0 until count) {
        val centre = (y + 0.5) * scale
        val first = maxOf(0, (centre - support + 0.5).toInt())
        val end = minOf(source.height, (centre + support + 0.5).toInt())
        val triangle = DoubleArray(end - first) { maxOf(0.0, 1 - Math.abs((first + it - centre + 0.5) / support)) }
        var sum = 0.0
        for (weight in triangle) sum += weight
        val weights = IntArray(end - first) { (triangle[it] / sum * (1 shl WEIGHT_BITS) + 0.5).toInt() }
        for (i in 0 until row) {
            var total = 1 shl (WEIGHT_BITS - 1)
            for (tap in weights.indices) total += (source.data[(first + tap) * row + i].toInt() and 255) * weights[tap]
            data[y * row + i] = (total shr WEIGHT_BITS).coerceIn(0, 255).toByte()
        }
    }
    return Pixels(source.width, count, source.channels, data)
}

private fun transposed(source: Pixels): Pixels = upright(source, 5)

/** Out of the middle; black where the picture is smaller. */
private fun crop(source: Pixels, size: Size): Pixels {
    if (size.width == source.width && size.height == source.height) return source
    val left = offset(source.width, size.width)
    val top = offset(source.height, size.height)
    val data = ByteArray(size.width * size.height * source.channels)
    val from = maxOf(0, -left)
    val count = minOf(size.width, source.width - left) - from
    for (y in maxOf(0, -top) until minOf(size.height, source.height - top)) {
        val at = ((top + y) * source.width + left + from) * source.channels
        System.arraycopy(source.data, at, data, (y * size.width + from) * source.channels, count * source.channels)
    }
    return Pixels(size.width, size.height, source.channels, data)
}

/** Halves go to the even number; negative where there is padding. */
private fun offset(size: Int, crop: Int): Int =
    if (crop > size) -((crop - size) / 2) else Math.rint((size - crop) / 2.0).toInt()

private fun normalise(pixels: Pixels, spec: ImageSpec): PictureTensor {
    val channels = pixels.channels
    val area = pixels.width * pixels.height
    val planar = spec.layout == "NCHW"
    val data = FloatArray(area * channels)
    for (channel in 0 until channels) {
        // The product with scale in double, then every step rounded to a float: as torchvision's values are.
        val table = FloatArray(256) { ((it * spec.scale).toFloat() - spec.mean[channel]) / spec.std[channel] }
        val from = if (spec.color == "BGR") 2 - channel else channel
        for (i in 0 until area) {
            val value = table[pixels.data[i * channels + from].toInt() and 255]
            data[if (planar) channel * area + i else i * channels + channel] = value
        }
    }
    val (height, width) = Pair(pixels.height.toLong(), pixels.width.toLong())
    val shape =
        if (planar) longArrayOf(1, channels.toLong(), height, width) else longArrayOf(1, height, width, channels.toLong())
    return PictureTensor(shape, data)
}
