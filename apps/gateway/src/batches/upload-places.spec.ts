/** Who may upload rows at the same time as whom. */
import { SluiceError } from '#inference';
import { UploadPlaces } from './upload-places.js';

const refused = expect.objectContaining({ code: 'CAPACITY_EXHAUSTED', details: { retryAfterSeconds: 5, members: {} } });

function caught(take: () => unknown): unknown {
  try {
    return take();
  } catch (error) {
    expect(error).toBeInstanceOf(SluiceError);
    return error;
  }
}

describe('places for uploads', () => {
  it('are not taken by one owner alone, nor by all beyond what there is', () => {
    const places = new UploadPlaces();
    const ofOne = Array.from({ length: 6 }, () => places.take('one'));
    expect(caught(() => places.take('one'))).toEqual(refused);
    for (let i = 0; i < 2; i++) places.take('other');
    expect(places.taken).toBe(8);
    expect(caught(() => places.take('third'))).toEqual(refused);
    ofOne[0]!();
    places.take('third');
    expect(caught(() => places.take('one'))).toEqual(refused);
  });

  it('come back to the owner who gives them back', () => {
    const places = new UploadPlaces();
    for (const giveBack of Array.from({ length: 6 }, () => places.take('one'))) giveBack();
    expect(places.taken).toBe(0);
    for (let i = 0; i < 6; i++) places.take('one');
    expect(caught(() => places.take('one'))).toEqual(refused);
  });
});
