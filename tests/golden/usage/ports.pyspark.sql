SELECT
  `t10`.`key`,
  `t10`.`period`,
  SHIFTRIGHT(`t10`.`found`, 34) AS `peak`,
  IF(
    (
      SHIFTRIGHT(`t10`.`found`, 34)
    ) > 0,
    `t10`.`found` & 17179869183,
    CAST(NULL AS BIGINT)
  ) AS `last`
FROM (
  SELECT
    `t9`.`key`,
    `t9`.`period`,
    MAX(`t9`.`found`) AS `found`
  FROM (
    SELECT
      `t8`.`source`,
      `t8`.`tenant`,
      `t8`.`kind`,
      `t8`.`start`,
      `t8`.`seconds`,
      `t8`.`peak`,
      `t8`.`peak_time`,
      `t8`.`key`,
      `t8`.`period`,
      `t8`.`since`,
      `t8`.`until`,
      (
        SHIFTLEFT(`t8`.`peak`, 34)
      ) | COALESCE(`t8`.`peak_time`, (
        `t8`.`start` + `t8`.`seconds`
      ) - 1) AS `found`
    FROM (
      SELECT
        `t7`.`source`,
        `t7`.`tenant`,
        `t7`.`kind`,
        `t7`.`start`,
        `t7`.`seconds`,
        `t7`.`peak`,
        `t7`.`peak_time`,
        `t6`.`key`,
        `t3`.`period`,
        `t3`.`since`,
        `t3`.`until`
      FROM (
        SELECT
          *
        FROM `ports` AS `t0`
        WHERE
          `t0`.`kind` = 'asr'
      ) AS `t7`
      INNER JOIN (
        SELECT
          `t2`.`key`,
          `t2`.`tenant`
        FROM `passed_in_1` AS `t2`
      ) AS `t6`
        ON `t7`.`tenant` = `t6`.`tenant`
      INNER JOIN `passed_in_2` AS `t3`
        ON `t7`.`start` >= `t3`.`since`
        AND (
          `t7`.`start` + `t7`.`seconds`
        ) <= `t3`.`until`
    ) AS `t8`
  ) AS `t9`
  GROUP BY
    1,
    2
) AS `t10`
