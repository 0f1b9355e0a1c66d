/**
 * A mobile package (sluice-export mobile) on Android: reads model.json, decodes a picture, runs model.ort, answers the
 * best classes. Gradle: com.microsoft.onnxruntime:onnxruntime-android, androidx.exifinterface:exifinterface.
 */
package sluice

import ai.onnxruntime.OnnxTensor
import ai.onnxruntime.OrtEnvironment
import ai.onnxruntime.OrtSession
import android.content.res.AssetManager
import android.graphics.Bitmap
import android.graphics.BitmapFactory
import androidx.exifinterface.media.ExifInterface
import org.json.JSONArray
import org.json.JSONObject
import java.io.ByteArrayInputStream
import java.nio.ByteBuffer
import java.nio.FloatBuffer
import kotlin.math.exp

class ScoredClass(val index: Int, val label: String?, val score: Double)

/** `folder` is the package among the app's assets. Open it once, off the main thread, and close it. */
class Classifier(assets: AssetManager, folder: String) : AutoCloseable {
    private val manifest = JSONObject(assets.open("$folder/model.json").reader().readText())
    private val output = manifest.optJSONObject("output") ?: JSONObject()
    private val image = imageSpecOf(manifest.getJSONObject("image"))
    private val labels = output.optString("labels").takeIf { it.isNotEmpty() }
        ?.let { labelsOf(assets.open("$folder/$it").reader().readText()) }
    private val environment = OrtEnvironment.getEnvironment()
    private val session: OrtSession =
        environment.createSession(assets.open("$folder/model.ort").readBytes(), OrtSession.SessionOptions())

    /** `picture` is the bytes of a file, not a Bitmap that something has already scaled, turned or recoloured. */
    fun classify(picture: ByteArray): List<ScoredClass> {
        val tensor = preprocess(decode(picture), image)
        OnnxTensor.createTensor(environment, FloatBuffer.wrap(tensor.data), tensor.shape).use { input ->
            session.run(mapOf(session.inputNames.first() to input)).use { results ->
                val logits = (results[0] as OnnxTensor).floatBuffer
                return best(DoubleArray(logits.remaining()) { logits.get(it).toDouble() })
            }
        }
    }

    override fun close() = session.close()

    private fun best(raw: DoubleArray): List<ScoredClass> {
        val scores = when (output.optString("activation", "softmax")) {
            "softmax" -> softmax(raw)
            "sigmoid" -> raw.map { 1 / (1 + exp(-it)) }
            else -> raw.toList()
        }
        // A stable sort: of equal scores the lower index first.
        return scores.indices.sortedByDescending { scores[it] }.take(output.optInt("topK", 5))
            .map { ScoredClass(it, labels?.get(it), scores[it]) }
    }
}

private fun softmax(raw: DoubleArray): List<Double> {
    // Less the largest, so that no power overflows.
    val largest = raw.maxOrNull()!!
    val powers = raw.map { exp(it - largest) }
    val sum = powers.sum()
    return powers.map { it / sum }
}

/** The picture's own samples: no density scaling, no conversion of colours, no multiplication with alpha. */
fun decode(picture: ByteArray): Pixels {
    val options = BitmapFactory.Options().apply {
        inScaled = false
        inPremultiplied = false
        inPreferredConfig = Bitmap.Config.ARGB_8888
    }
    val bitmap = BitmapFactory.decodeByteArray(picture, 0, picture.size, options)
        ?: throw IllegalArgumentException("The ${picture.size} bytes are no picture that Android can decode.")
    // Not getPixels, which converts to sRGB. In memory ARGB_8888 is R, G, B, A.
    val rgba = ByteBuffer.allocate(bitmap.rowBytes * bitmap.height)
    bitmap.copyPixelsToBuffer(rgba)
    val data = ByteArray(bitmap.width * bitmap.height * 3)
    for (y in 0 until bitmap.height) for (x in 0 until bitmap.width) for (channel in 0 until 3) {
        data[(y * bitmap.width + x) * 3 + channel] = rgba.get(y * bitmap.rowBytes + x * 4 + channel)
    }
    val pixels = Pixels(bitmap.width, bitmap.height, 3, data)
    bitmap.recycle()
    val exif = ExifInterface(ByteArrayInputStream(picture))
    return upright(pixels, exif.getAttributeInt(ExifInterface.TAG_ORIENTATION, ExifInterface.ORIENTATION_NORMAL))
}

private fun imageSpecOf(image: JSONObject): ImageSpec {
    val color = image.optString("color", "RGB")
    val channels = if (color == "GRAY") 1 else 3
    val resize = image.optJSONObject("resize")
    return ImageSpec(
        shorterSide = resize?.optInt("shorterSide")?.takeIf { it > 0 },
        exact = resize?.optJSONArray("exact")?.let(::sizeOf),
        crop = image.optJSONArray("crop")?.let(::sizeOf),
        color = color,
        scale = image.optDouble("scale", 1.0 / 255),
        mean = floatsOf(image.optJSONArray("mean")) ?: FloatArray(channels),
        std = floatsOf(image.optJSONArray("std")) ?: FloatArray(channels) { 1f },
        layout = image.optString("layout", "NCHW")
    )
}

private fun sizeOf(pair: JSONArray) = Size(height = pair.getInt(0), width = pair.getInt(1))

private fun floatsOf(numbers: JSONArray?): FloatArray? =
    numbers?.let { FloatArray(it.length()) { i -> it.getDouble(i).toFloat() } }

/** An array of names, or an object by class index whose values are names or lists that end in one. */
private fun labelsOf(text: String): List<String> {
    if (text.trimStart().startsWith("[")) return JSONArray(text).let { List(it.length()) { i -> it.getString(i) } }
    val byIndex = JSONObject(text)
    return List(byIndex.length()) { i ->
        when (val value = byIndex.get("$i")) {
            is JSONArray -> value.getString(value.length() - 1)
            else -> value as String
        }
    }
}
